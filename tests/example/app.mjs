// The front-end: a wizard that is drawn from the catalog. It knows client_id and client_app_key, which may live in a browser; what
// needs the client_secret it asks of its own server (server.mjs).
const $ = (id) => document.getElementById(id);
const config = await (await fetch("config")).json();
let flow = JSON.parse(sessionStorage.getItem("flow") ?? "{}"); // {session_id, nonce, skill}: a visit to the bank leaves this page

// ---- calls

// One call. A refusal is an Error whose body is the API's own: code, message, details.
async function post(url, body) {
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.message), told);
  return told;
}

const call = (path, body) => post(config.api + path, { client_id: config.client_id, ...body });
const ofSession = (verb, body = {}) => call(`/sessions/${flow.session_id}/${verb}`, { nonce: flow.nonce, ...body });

function remember(change) {
  flow = { ...flow, ...change };
  sessionStorage.setItem("flow", JSON.stringify(flow));
}

// A document as the body itself: XMLHttpRequest tells how far it is.
function upload(stepId, nonce, document, file, bar) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${config.api}/steps/${stepId}/upload`);
    request.setRequestHeader("Content-Type", file.type);
    request.setRequestHeader("X-Finq-Client-Id", config.client_id);
    request.setRequestHeader("X-Finq-Nonce", nonce);
    request.setRequestHeader("X-Finq-Document", document);
    request.responseType = "json";
    request.upload.onprogress = (event) => { bar.max = event.total; bar.value = event.loaded; };
    request.onload = () => request.status === 200 ? resolve(request.response) : reject(Object.assign(new Error(request.response.message), request.response));
    request.onerror = () => reject(new Error("The upload was cut off; send it again."));
    request.send(file);
  });
}

// ---- drawing

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function page(title, about, ...content) {
  $("title").textContent = title;
  $("about").textContent = about ?? "";
  $("problem").replaceChildren();
  $("form").replaceChildren(...content);
  $("title").focus();
}

function button(text, act) {
  const made = element("button", { type: "button", textContent: text });
  made.onclick = () => guarded(act);
  return made;
}

// The control of one member, by its schema. `pointer` is that of an error's details.
function control(schema, pointer) {
  const more = { name: pointer, id: pointer };
  if (schema.oneOf) return element("select", more, new Option(), ...schema.oneOf.map((one) => new Option(one.title, JSON.stringify(one.const))));
  if (schema.type === "boolean" || schema.const === true) return element("input", { ...more, type: "checkbox" });
  const types = { date: "date", email: "email" };
  return element("input", { ...more, type: types[schema.format] ?? (schema.type === "integer" ? "number" : "text") });
}

function fields(schema, at = "") {
  return Object.entries(schema.properties ?? {}).filter(([, one]) => !one["x-hidden"]).flatMap(([name, one]) => {
    const pointer = `${at}/${name}`;
    const label = one.title + (one["x-unit"] ? ` (${one["x-unit"]})` : "");
    if (one.type === "object") return [element("fieldset", {}, element("legend", { textContent: label }), ...fields(one, pointer))];
    return [element("label", { htmlFor: pointer, textContent: label }), element("small", { textContent: one.description ?? "" }),
            control(one, pointer)];
  });
}

// What was filled in, as the schema wants it; empty members are left out.
function data(schema, at = "") {
  const filled = {};
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    const input = $("form").elements[`${at}/${name}`];
    if (name === "psu_redirect_link") filled[name] = `${location.origin}/?returned`;
    else if (one.type === "object") {
      const inner = data(one, `${at}/${name}`);
      if (Object.keys(inner).length) filled[name] = inner;
    } else if (input?.type === "checkbox") filled[name] = input.checked;
    else if (input?.value) filled[name] = one.oneOf ? JSON.parse(input.value) : one.type === "integer" ? Number(input.value) : input.value;
  }
  return filled;
}

function show(problem) {
  const link = ({ field, message }) => element("li", {}, element("a", { href: `#${field}`, textContent: `${field.slice(1)} ${message}` }));
  $("problem").replaceChildren(problem.message, element("ul", {}, ...(problem.details ?? []).map(link)));
}

async function guarded(act) {
  try { await act(); } catch (problem) { show(problem); }
}

// ---- the flow

async function choose() {
  const skills = await call("/catalogs/skills", { client_app_key: config.client_app_key, language: navigator.language });
  page("What would you like?", "", ...skills.map((skill) => button(skill.title, () => start(skill))));
}

async function start(skill) {
  const started = await call("/sessions", { client_app_key: config.client_app_key, skill: skill.name, tenant_user_id: config.user });
  remember({ session_id: started.session_id, nonce: started.nonce, skill });
  draw(started.next_step);
}

function draw(name, uploaded = []) {
  const step = flow.skill.steps.find((one) => one.name === name);
  const there = new Set(uploaded.filter((one) => one.uploaded).map((one) => one.document));
  const files = step.uploads.flatMap((one) => [
    element("label", { htmlFor: one.document, textContent: one.title + (there.has(one.document) ? " (is there)" : one.required ? "" : " (optional)") }),
    element("small", { textContent: one.description ?? "" }),
    element("input", { type: "file", id: one.document, accept: one.media_types.join() }),
    element("progress", { id: `${one.document}-bar`, value: 0, max: 1 })]);
  page(step.title, step.description, ...fields(step.schema), ...files, button("Continue", () => submit(step)),
       button("Back", async () => go(await ofSession("back"))), button("Cancel", async () => go(await ofSession("cancel"))));
}

async function submit(step) {
  const nonce = flow.nonce;
  const answer = await ofSession("steps", { skill: flow.skill.name, step: step.name, data: data(step.schema) });
  const files = step.uploads.map((one) => [one.document, $(one.document).files[0], $(`${one.document}-bar`)]).filter(([, file]) => file);
  remember({ nonce: answer.nonce ?? nonce });
  for (const [document, file, bar] of files) await upload(answer.step_id, nonce, document, file, bar);
  if (answer.data.url) location.assign(answer.data.url); // the bank; it comes back to /?returned
  else await go(answer);
}

// Where an answer of a step, of the status, of back or of a cancellation leads.
async function go(answer) {
  if (answer.nonce) remember({ nonce: answer.nonce });
  if (answer.temp_token) await finish(answer.temp_token);
  else if (answer.next_step) draw(answer.next_step, answer.uploads);
  else if (answer.status === "SESSION_PENDING") {
    page("Somebody looks at it", "This page goes on by itself.");
    await go(await ofSession("status", { wait: 20 }));
  } else page("It ends here", [answer.status, ...(answer.reasons ?? [])].join(": "), button("Start again", choose));
}

async function finish(temp_token) {
  const done = await post("exchange", { session_id: flow.session_id, temp_token });
  sessionStorage.removeItem("flow");
  page("Done", `Your consent is good until ${done.consent_exp}.`, element("output", { id: "credentials", textContent: done.credentials_id }),
       button("Start again", choose));
}

const came = new URLSearchParams(location.search);
history.replaceState(null, "", "/"); // a temp_token does not stay in the address
await guarded(async () => {
  if (came.has("temp_token")) await finish(came.get("temp_token"));
  else if (came.has("returned") && flow.session_id) await go(await ofSession("status"));
  else await choose();
});
