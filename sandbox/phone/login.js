// A login by QR code on the phone: scan, read who asks, type number and passcode, see how it ended.

import * as api from "/app/api.js";
import { Problem } from "/app/api.js";
import { Camera, readFile } from "/app/scan.js";
import { attempt, facts, find, main, onLeave, press, put, screens, sentence, show, submitted, tell, translate, write } from "/app/screen.js";
import { moment, say } from "/app/texts.js";

const PACE = 4000;

export function showScanner() {
  show("scanner", api.settings);
  submitted(({ link }) => scan(link.trim()));
  find("#picture").addEventListener("change", (event) => lookAt(event.target.files[0]));
  press("camera-on", () => attempt(watch));
  press("back", () => screens.home());
}

async function watch() {
  const camera = new Camera();
  onLeave(() => camera.stop());
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
  if (!text.startsWith(`${api.settings.link}#`)) throw new Problem("not_ours");
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
  submitted(({ number }) => {
    const isWhole = /^[0-9]{2}$/.test(number);
    return isWhole ? showPasscode({ ...card, number }) : tell(sentence({ code: "number" }));
  });
  press("deny", () => deny(card));
}

function showPasscode(card) {
  show("passcode-page", card);
  follow(card);
  submitted(({ passcode }) => attempt(async () => {
    await api.call("/phone/qr/confirm", { ticket: card.ticket, number: card.number, passcode });
    showResult(card, "done");
  }, {
    confirmed: () => showResult(card, "done"),
    wrong_number: (problem) => (problem.left ? showNumber(card, problem) : showStopped(card, { code: "wrong_number" })),
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
  const left = () => Math.max(0, Math.ceil((card.endsAt - Date.now()) / 1000));
  let asked = Date.now();
  if (card.intruded) tell(() => say("intruded"));
  put("#left", () => say("seconds", { seconds: left() }));
  const clock = setInterval(() => {
    find("#left").textContent = say("seconds", { seconds: left() });
    if (left() === 0) return showStopped(card, { code: "expired" });
    if (Date.now() - asked < PACE) return undefined;
    asked = Date.now();
    return look(card);
  }, 1000);
  onLeave(() => clearInterval(clock));
}

async function look(card) {
  const page = find("h1");
  try {
    const { intruded } = await api.call("/phone/qr/look", { ticket: card.ticket });
    if (intruded && !card.intruded && page.isConnected) tell(() => say("intruded"));
    card.intruded ||= intruded;
  } catch (problem) {
    // A lost network is told where the person acts, and what they are doing right now comes first.
    const passes = ["lost", "busy", "too_many"].includes(problem.code) || main.ariaBusy === "true";
    if (!(problem instanceof Problem) || passes || !page.isConnected) return;
    if (problem.code === "ended" && problem.ended) screens.ended(problem.ended);
    else showStopped(card, problem);
  }
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
  press("back", () => screens.begin());
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
  press("back", () => screens.begin());
  press("not-me", () => notMe(card));
  translate();
}
