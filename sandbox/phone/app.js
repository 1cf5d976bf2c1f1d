// The app, screen by screen. Each screen is a template of index.html; `data-page` tells which one is shown.

import * as api from "/app/api.js";
import { Problem } from "/app/api.js";
import { Camera, readFile } from "/app/scan.js";
import { TEXTS, language, moment, say, speak } from "/app/texts.js";

const main = document.querySelector("main");
const find = (selector) => main.querySelector(selector);
const camera = new Camera();
const PACE = 4000;
let settings;
let person = "";
let device;
let ticking;
// What a change of language has to write again beside the words named in the templates.
let rewrite = [];

// Screens

function show(name, words = {}) {
  camera.stop();
  clearInterval(ticking);
  rewrite = [];
  main.replaceChildren(document.getElementById(name).content.cloneNode(true));
  main.dataset.page = `phone-${name}`;
  main.words = words;
  translate();
  const title = find("h1");
  title.tabIndex = -1;
  title.focus();
  scrollTo(0, 0);
}

function translate() {
  document.getElementById("language").textContent = say("language");
  document.getElementById("language").lang = language() === "en" ? "vi" : "en";
  for (const part of document.querySelectorAll("[data-t]")) part.textContent = say(part.dataset.t, main.words);
  rewrite.forEach((write) => write());
  document.title = `${find("h1").textContent} – ${say("title")}`;
}

// Write now, and again in another language.
function write(action) {
  rewrite.push(action);
  action();
}

const put = (selector, text) => write(() => { find(selector).textContent = text(); });

function facts(list) {
  write(() => {
    find(".facts").replaceChildren(...list.map(([name, value]) => {
      const row = document.createElement("div");
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = say(name);
      dd.textContent = value() || say("unknown");
      row.append(dt, dd);
      return row;
    }));
  });
}

const factsOf = (phone) => facts([
  ["device_name", () => phone.name],
  ["device_network", () => phone.network],
  ["device_since", () => moment(phone.enrolled_at)],
  ["device_seen", () => moment(phone.last_seen_at)],
]);

// What is wrong, above what to do about it; `again` is offered when nothing else has to change.
function tell(text, { again, good } = {}) {
  const said = document.createElement("p");
  said.className = good ? "good" : "wrong";
  said.setAttribute("role", good ? "status" : "alert");
  said.textContent = text();
  rewrite.push(() => { said.textContent = text(); });
  const place = find(".said");
  place.replaceChildren(said);
  if (!again) return;
  const button = document.createElement("button");
  button.type = "button";
  button.id = "retry";
  button.dataset.t = "retry";
  button.textContent = say("retry");
  button.addEventListener("click", again);
  place.append(button);
}

// The sentence of a problem: the provider's own, or ours for what only the app knows.
function sentence(problem) {
  return () => {
    const text = TEXTS[problem.code] ? say(problem.code) : problem.detail || say("failed");
    if (!problem.left) return text;
    return `${text} ${problem.left === 1 ? say("left_one") : say("left", { left: problem.left })}`;
  };
}

// Do something that the provider may refuse. `ways` say where a refusal leads, by its code; else it is told here.
async function attempt(action, ways = {}) {
  find(".said")?.replaceChildren();
  const buttons = [...main.querySelectorAll("button")];
  buttons.forEach((button) => { button.disabled = true; });
  try {
    await action();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const way = ways[problem.code] ?? ways.any;
    if (problem.code === "ended" && problem.ended) showEnded(problem.ended);
    else if (problem.code === "logged_out") showWelcome(problem);
    else if (problem.code === "lost") tell(sentence(problem), { again: () => attempt(action, ways) });
    else if (way) way(problem);
    else tell(sentence(problem));
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

const press = (id, action) => find(`#${id}`).addEventListener("click", action);

function submitted(action) {
  const form = find("form");
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action(Object.fromEntries(new FormData(form)));
  });
}

// Where the app begins: who is this phone?

async function begin(problem) {
  show("wait");
  try {
    const told = await api.state();
    if (told.state === "ended") return showEnded(told.ended);
    if (!api.isLoggedIn()) return showWelcome(problem);
    person = (await api.who()).name || "";
    device = told.device;
    return told.state === "active" ? showHome() : showEnrol(problem);
  } catch (trouble) {
    if (!(trouble instanceof Problem)) throw trouble;
    if (trouble.code === "ended" && trouble.ended) return showEnded(trouble.ended);
    if (trouble.code !== "lost") return showWelcome(trouble);
    show("lost");
    return press("retry", () => begin(problem));
  }
}

function showWelcome(problem) {
  show("welcome");
  if (problem) tell(sentence(problem));
  press("log-in", () => attempt(async () => location.assign(await api.loginAddress())));
}

async function startAnew() {
  await api.reset();
  showWelcome();
}

// Enrolment

function showEnrol(problem, wish = { name: nameOfThis() }) {
  show("enrol", { who: person });
  if (problem) tell(sentence(problem));
  find("#name").value = wish.name;
  submitted(({ name, passcode, again }) => {
    if (passcode !== again) return tell(() => say("differ"));
    return enrol({ name, passcode });
  });
  press("log-out", startAnew);
}

function nameOfThis() {
  const found = navigator.userAgent.match(/Android[^;]*; ([^;)]+)|iPhone/);
  return (found?.[1] ?? found?.[0] ?? "").trim().slice(0, 64);
}

const enrol = (wish) => attempt(async () => {
  const told = await api.call("/phone/device", wish);
  if (told.sent_to) return showCode(wish, told);
  device = told;
  return showHome();
}, { other_device: (problem) => showOther(wish, problem.device), code_exhausted: showEnrol });

function showOther(wish, other) {
  show("other");
  factsOf(other);
  press("keep", startAnew);
  press("take", () => enrol({ ...wish, replace: true }));
}

function showCode(wish, told) {
  const again = main.dataset.page === "phone-code";
  show("code", { to: told.sent_to });
  if (again) tell(() => say("code_sent", { at: moment(told.next_at) }), { good: true });
  submitted(({ code }) => enrol({ ...wish, code }));
  press("code-again", () => enrol(wish));
}

// Home

function showHome(text) {
  show("home", { who: person });
  if (text) tell(text, { good: true });
  factsOf(device);
  press("scan", () => showScanner());
  press("change", showChange);
  press("remove", showRemove);
}

function showChange() {
  show("change-passcode");
  submitted(({ old, new: wished, again }) => {
    if (wished !== again) return tell(() => say("differ"));
    return attempt(async () => {
      await api.call("/phone/device/passcode", { old, new: wished });
      showHome(() => say("changed"));
    });
  });
  press("back", () => showHome());
}

function showRemove() {
  show("remove-phone");
  press("back", () => showHome());
  press("remove-submit", () => attempt(async () => {
    await api.call("/phone/device/remove", {});
    await begin();
  }));
}

// Scanning

function showScanner(problem) {
  show("scanner", settings);
  if (problem) tell(sentence(problem));
  submitted(({ link }) => scan(link.trim()));
  find("#picture").addEventListener("change", (event) => lookAt(event.target.files[0]));
  press("camera-on", () => attempt(watch));
  press("back", () => showHome());
}

async function watch() {
  try {
    await camera.start(find("#camera"), scan);
  } catch {
    return put("#camera-said", () => say("camera_none"));
  }
  find("#camera-on").hidden = true;
  return put("#camera-said", () => say("camera_looking"));
}

const lookAt = (file) => file && attempt(async () => {
  const text = await readFile(file).catch(() => { throw new Problem("no_picture"); });
  if (!text) throw new Problem("no_code");
  await bind(text);
});

const scan = (text) => attempt(() => bind(text));

async function bind(text) {
  // Whatever else a QR code says is not looked at, sent or opened.
  if (!text.startsWith(`${settings.link}#`)) throw new Problem("not_ours");
  const scanned = await api.call("/phone/qr/scan", { picture: text });
  let card;
  try {
    card = await api.cardOf(scanned);
  } catch (problem) {
    // Nobody should wait at a login that this phone will not confirm.
    await api.call("/phone/qr/deny", { ticket: scanned.ticket }).catch(() => {});
    throw problem;
  }
  showCard({ ...card, endsAt: Date.now() + (card.exp - card.iat) * 1000, number: "" });
}

// A login: card, number, passcode, result

function showCard(card) {
  show("card", card);
  find("#portal").textContent = card.portal;
  find("#domain").textContent = card.domain;
  facts([
    ["card_browser", () => [card.browser, card.system].filter(Boolean).join(", ")],
    ["card_place", () => card.place],
    ["card_network", () => card.network],
    ["card_time", () => moment(card.asked_at)],
  ]);
  find("#near").className = card.same_network ? "good" : "wrong";
  put("#near", () => say(card.same_network ? "near" : "far"));
  follow(card);
  press("deny", () => deny(card));
  press("confirm", () => showNumber(card));
  press("not-me", () => notMe(card));
}

function showNumber(card, problem) {
  show("number", card);
  if (problem) tell(sentence(problem));
  follow(card);
  submitted(({ number }) => showPasscode({ ...card, number }));
  press("deny", () => deny(card));
}

function showPasscode(card) {
  show("passcode-page", card);
  follow(card);
  submitted(({ passcode }) => attempt(async () => {
    await api.call("/phone/qr/confirm", { ticket: card.ticket, number: card.number, passcode });
    showResult(card, "done");
  }, {
    number_form: (problem) => showNumber(card, problem),
    wrong_number: (problem) => (problem.left ? showNumber(card, problem) : showStopped(card, problem)),
    passcode_wrong: (problem) => { find("#passcode").value = ""; tell(sentence(problem)); },
    passcode_form: (problem) => tell(sentence(problem)),
    too_many: (problem) => tell(sentence(problem)),
    busy: (problem) => tell(sentence(problem)),
    any: (problem) => showStopped(card, problem),
  }));
  press("deny", () => deny(card));
}

// While the person reads and types: how long is left, and whether something happened to the login.
function follow(card) {
  let asked = Date.now();
  if (card.intruded) tell(() => say("intruded"));
  put("#left", () => say("seconds", { seconds: Math.max(0, Math.ceil((card.endsAt - Date.now()) / 1000)) }));
  const page = main.firstElementChild;
  const here = () => main.firstElementChild === page;
  ticking = setInterval(async () => {
    find("#left").textContent = say("seconds", { seconds: Math.max(0, Math.ceil((card.endsAt - Date.now()) / 1000)) });
    if (Date.now() - asked < PACE) return;
    asked = Date.now();
    try {
      const { intruded } = await api.call("/phone/qr/look", { ticket: card.ticket });
      if (intruded && !card.intruded && here()) tell(() => say("intruded"));
      card.intruded ||= intruded;
    } catch (problem) {
      // A lost network is told where the person acts.
      if (!(problem instanceof Problem) || ["lost", "busy", "too_many"].includes(problem.code) || !here()) return;
      if (problem.code === "ended" && problem.ended) showEnded(problem.ended);
      else showStopped(card, problem);
    }
  }, 1000);
}

const ending = (card) => ({ any: (problem) => showStopped(card, problem) });

const deny = (card) => attempt(async () => {
  await api.call("/phone/qr/deny", { ticket: card.ticket });
  showResult(card, "denied");
}, ending(card));

const notMe = (card) => attempt(async () => {
  const { sessions } = await api.call("/phone/qr/not-me", { ticket: card.ticket });
  showResult(card, "blocked");
  find("#not-me").hidden = true;
  const list = find(".sessions");
  write(() => {
    find("#outcome-said").textContent = `${say("blocked_said")} ${say(sessions.length ? "sessions" : "sessions_none")}`;
    list.replaceChildren(...sessions.map((session) => {
      const item = document.createElement("li");
      item.textContent = `${session.browser} (${session.network}), ${moment(session.since)}`;
      return item;
    }));
  });
  list.hidden = !sessions.length;
}, ending(card));

function showResult(card, outcome) {
  show("result", card);
  main.dataset.outcome = outcome;
  put("#outcome", () => say(outcome));
  put("#outcome-said", () => say(`${outcome}_said`, card));
  press("again", () => showScanner());
  press("back", () => begin());
  press("not-me", () => notMe(card));
  translate();
}

// The login ended in another way than the person wished.
function showStopped(card, problem) {
  show("result", card);
  main.dataset.outcome = problem.code;
  put("#outcome", () => say("stopped"));
  put("#outcome-said", sentence({ ...problem, left: 0 }));
  find("#outcome-said").className = "wrong";
  find("#outcome-said").setAttribute("role", "alert");
  press("again", () => showScanner());
  press("back", () => begin());
  press("not-me", () => notMe(card));
  translate();
}

// The phone that was signed out

function showEnded(end) {
  show("ended");
  const why = end.why === "replaced" && !end.successor ? "replaced_soon" : end.why;
  put("#why", () => say(`ended_${why}`, end));
  facts([["ended_at", () => moment(end.at)]]);
  for (const id of ["disown", "disown-lead"]) find(`#${id}`).hidden = !end.may_disown;
  press("anew", startAnew);
  press("disown", () => attempt(async () => {
    await api.disown();
    find("#disown").hidden = true;
    find("#disown-lead").hidden = true;
    tell(() => say("disowned"), { good: true });
  }));
}

// The page itself

async function run() {
  speak(localStorage.getItem("language") ?? (navigator.language.startsWith("en") ? "en" : "vi"));
  document.getElementById("language").addEventListener("click", () => {
    speak(language() === "en" ? "vi" : "en");
    localStorage.setItem("language", language());
    translate();
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file && main.dataset.page === "phone-scanner") lookAt(file);
  });
  translate();
  await enter();
}

// Load what is built in and what is kept; when the browser comes back from a login, finish that.
async function enter() {
  let problem;
  try {
    settings = await api.start();
    document.getElementById("inbox").href = settings.inbox;
    const answer = new URLSearchParams(location.search);
    if (answer.has("state")) {
      await api.finishLogin(answer);
      history.replaceState(null, "", "/");
    }
  } catch (trouble) {
    if (!(trouble instanceof Problem)) throw trouble;
    if (trouble.code === "lost") {
      show("lost");
      return press("retry", enter);
    }
    history.replaceState(null, "", "/");
    problem = trouble;
  }
  return begin(problem);
}

run();
