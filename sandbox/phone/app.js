// The app: whose phone it is, how it is enrolled and how it ends. A login by QR code is in login.js.

import * as api from "/app/api.js";
import { Problem } from "/app/api.js";
import { showScanner } from "/app/login.js";
import { attempt, facts, factsOf, find, main, press, put, screens, sentence, show, submitted, tell, translate } from "/app/screen.js";
import { language, moment, say, speak } from "/app/texts.js";

let person = "";
let device;

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
    if (passcode !== again) return tell(sentence({ code: "differ" }));
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
  press("scan", showScanner);
  press("change", showChange);
  press("remove", showRemove);
}

function showChange() {
  show("change-passcode");
  submitted(({ old, new: wished, again }) => {
    if (wished !== again) return tell(sentence({ code: "differ" }));
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

Object.assign(screens, { begin, home: () => showHome(), ended: showEnded, welcome: showWelcome });

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
    await api.start();
    document.getElementById("inbox").href = api.settings.inbox;
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
