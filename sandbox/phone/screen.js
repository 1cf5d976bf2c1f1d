// How a screen is shown. Each is a template of index.html, and `data-page` tells which one; words are written again when
// the language changes.

import { Problem } from "/app/api.js";
import { TEXTS, language, moment, say } from "/app/texts.js";

export const main = document.querySelector("main");
export const find = (selector) => main.querySelector(selector);

// Screens that other screens lead to: `begin`, `home`, `ended`, `welcome`.
export const screens = {};

// What a change of language has to write again beside the words named in the templates.
let rewrite = [];
let leaving = [];

// Do this when the next screen is shown.
export const onLeave = (action) => leaving.push(action);

export function show(name, words = {}) {
  leaving.forEach((action) => action());
  rewrite = [];
  leaving = [];
  main.replaceChildren(document.getElementById(name).content.cloneNode(true));
  main.dataset.page = `phone-${name}`;
  main.words = words;
  translate();
  const title = find("h1");
  title.tabIndex = -1;
  title.focus();
  scrollTo(0, 0);
}

export function translate() {
  document.getElementById("language").textContent = say("language");
  document.getElementById("language").lang = language() === "en" ? "vi" : "en";
  for (const part of document.querySelectorAll("[data-t]")) part.textContent = say(part.dataset.t, main.words);
  rewrite.forEach((write) => write());
  document.title = `${find("h1").textContent} – ${say("title")}`;
}

// Write now, and again in another language.
export function write(action) {
  rewrite.push(action);
  action();
}

export const put = (selector, text) => write(() => { find(selector).textContent = text(); });

export function facts(list) {
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

export const factsOf = (phone) => facts([
  ["device_name", () => phone.name],
  ["device_network", () => phone.network],
  ["device_since", () => moment(phone.enrolled_at)],
  ["device_seen", () => moment(phone.last_seen_at)],
]);

// What is wrong, above what to do about it; `again` is offered when nothing else has to change.
export function tell(text, { again, good } = {}) {
  const said = document.createElement("p");
  said.className = good ? "good" : "wrong";
  said.setAttribute("role", good ? "status" : "alert");
  if (text.spoken) said.lang = text.spoken;
  said.textContent = text();
  rewrite.push(() => { said.textContent = text(); });
  const place = find(".said");
  place.replaceChildren(said);
  if (!good) find("form:not(.aside) input")?.focus();
  if (!again) return;
  const button = document.createElement("button");
  button.type = "button";
  button.id = "retry";
  button.dataset.t = "retry";
  button.textContent = say("retry");
  button.addEventListener("click", again);
  place.append(button);
}

// The sentence of a problem: the provider's own, in the language in which it was asked, or ours for what only the app
// knows.
export function sentence(problem) {
  const text = () => {
    const own = `bad_${problem.code}`;
    const spoken = problem.detail ? problem.language : language();
    const why = problem.detail || say(TEXTS[own] ? own : "bad_failed");
    if (!problem.left) return why;
    return `${why} ${say(problem.left === 1 ? "left_one" : "left", { left: problem.left }, spoken)}`;
  };
  if (problem.detail) text.spoken = problem.language;
  return text;
}

// Do something that the provider may refuse. `ways` say where a refusal leads, by its code; else it is told here.
export async function attempt(action, ways = {}) {
  // What was pressed twice, or seen by the camera once more, is done once.
  if (main.ariaBusy === "true") return;
  main.ariaBusy = "true";
  find(".said")?.replaceChildren();
  try {
    await action();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const way = ways[problem.code] ?? ways.any;
    if (problem.code === "ended" && problem.ended) screens.ended(problem.ended);
    else if (problem.code === "logged_out") screens.welcome(problem);
    else if (problem.code === "lost") tell(sentence(problem), { again: () => attempt(action, ways) });
    else if (way) way(problem);
    else tell(sentence(problem));
  } finally {
    main.ariaBusy = "false";
  }
}

export const press = (id, action) => find(`#${id}`).addEventListener("click", action);

export function submitted(action) {
  const form = find("form");
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action(Object.fromEntries(new FormData(form)));
  });
}
