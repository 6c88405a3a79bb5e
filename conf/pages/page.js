// What makes a page smoother; without it everything works all the same.

// What a skill's schema lets a browser see is told when a field is left, and before the form goes: in the server's words, at its place.
const plain = text => /^-?\d+([.,](\d{1,2}|\d{4,}))?$/.test(text) ? Number(text.replace(",", ".")) : NaN; // the rest the server reads
const broken = {
  required: (box, text) => box.validity.valueMissing || (box.required && !text),
  format: (box, text) => box.validity.typeMismatch && /^[ -~]*$/.test(text),
  pattern: (box, text, limit) => text && !new RegExp(limit, "u").test(text),
  minLength: (box, text, limit) => text && [...text].length < limit,
  maxLength: (box, text, limit) => [...text].length > limit,
  minimum: (box, text, limit) => plain(text) < limit,
  maximum: (box, text, limit) => plain(text) > limit,
  exclusiveMinimum: (box, text, limit) => plain(text) <= limit,
  exclusiveMaximum: (box, text, limit) => plain(text) >= limit,
};
const check = field => {
  const boxes = [...field.querySelectorAll("input, select, textarea")].filter(box => box.willValidate);
  const rule = Object.entries(JSON.parse(field.dataset.rules))
    .find(([keyword, [limit]]) => boxes.some(box => broken[keyword]?.(box, box.value.trim(), limit)));
  const words = rule?.[1][1], id = `${field.dataset.field}-fault`;
  field.classList.toggle("wrong", Boolean(words));
  field.querySelector(":scope > .fault")?.remove();
  if (words) {
    const fault = Object.assign(document.createElement("p"), {className: "fault", id});
    fault.append(Object.assign(document.createElement("span"), {className: "aside", textContent: field.closest("form").dataset.mark}), words);
    [...field.children].find(part => !part.matches("legend, label, .hint")).before(fault);
  }
  boxes.forEach(box => words ? box.setAttribute("aria-invalid", "true") : box.removeAttribute("aria-invalid"));
  const told = field.matches("fieldset") ? field : boxes[0];
  const by = [field.querySelector(":scope > .hint")?.id, words && id].filter(Boolean).join(" ");
  if (by) told?.setAttribute("aria-describedby", by);
  else told?.removeAttribute("aria-describedby");
  return words ? boxes.find(box => !box.validity.valid) ?? boxes[0] : null;
};
const checked = ".field[data-rules]:not(.when:not([data-when]) *)"; // where a script cannot tell whether it is asked for, the server does
let pressed = false; // what is told must not move a button away from under a finger
addEventListener("pointerdown", ({target}) => { pressed = Boolean(target.closest("button, a")); });
addEventListener("pointerup", () => { pressed = false; });
for (const name of ["focusout", "change"]) addEventListener(name, ({target, relatedTarget}) => {
  const field = target.closest?.(checked), isTyped = target.value && !target.matches("[type=radio], [type=checkbox]");
  if (field && !pressed && !field.contains(relatedTarget) && (isTyped || field.matches(".wrong"))) check(field);
});
addEventListener("submit", event => {
  if (event.submitter && event.submitter.value !== "next") return;
  const wrong = [...event.target.querySelectorAll(checked)].map(check).filter(Boolean);
  if (!wrong.length) return;
  event.preventDefault();
  wrong[0].focus();
});

// An answer that was lost is sent again by the person: one press is one request, as long as it is under way.
addEventListener("submit", event => {
  if (event.defaultPrevented) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form").forEach(form => delete form.dataset.sent));

// Who came back from a bank leaves the token of the last page behind: it stands in no history.
if (location.search.includes("temp_token=")) history.replaceState(null, "", location.pathname);

// A page that waits looks again, with its nonce, while somebody has it before them. What they read stays, until there is something new.
const again = document.querySelector("button.again");
const look = async () => {
  const typed = new FormData(again.form);
  typed.append(again.name, again.value);
  const answer = await fetch(again.form.action, {method: "POST", body: new URLSearchParams(typed)});
  if (answer.status < 500 && answer.status !== 429 && !(await answer.text()).includes(` data-at="${again.dataset.at}"`)) again.click();
};
if (again) setInterval(() => document.hidden || again.form.dataset.sent || look().catch(() => {}), again.dataset.every * 1000);

// What is too long to be typed is copied.
const copy = navigator.clipboard && document.querySelector("button[data-copied]");
copy?.removeAttribute("hidden");
copy?.addEventListener("click", async () => {
  await navigator.clipboard.writeText(copy.previousElementSibling.value);
  copy.textContent = copy.dataset.copied;
});

// What an answer asks for stands below it as soon as it is given, and goes with it; what is not asked for is not sent.
for (let apart; (apart = document.querySelector("template.when"));) {
  const part = Object.assign(document.createElement("div"), {className: "when"});
  part.dataset.when = apart.dataset.when;
  part.append(apart.content);
  apart.replaceWith(part);
}
const branching = () => document.querySelectorAll(".when[data-when]").forEach(part => {
  const typed = new FormData(part.closest("form"));
  const holds = ([is, tests]) => is === Object.entries(tests).every(([name, values]) => values.includes(typed.get(name) ?? ""));
  part.hidden = !JSON.parse(part.dataset.when).some(branch => branch.every(holds));
  part.querySelectorAll("input, select, textarea").forEach(box => { box.disabled = Boolean(box.closest(".when[hidden]")); });
});
addEventListener("change", branching);
branching();

// A photograph is made no larger than people need it, before it is sent over a slow line.
const MOST = 4096;
const shrink = async file => {
  const picture = await createImageBitmap(file);
  const scale = MOST / Math.max(picture.width, picture.height);
  if (scale >= 1) return file;
  const canvas = Object.assign(document.createElement("canvas"), {width: picture.width * scale, height: picture.height * scale});
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const smaller = await new Promise(done => canvas.toBlob(done, "image/jpeg", 0.9));
  return new File([smaller], "photograph.jpg", {type: "image/jpeg"});
};
addEventListener("change", async ({target: box}) => {
  const file = box.type === "file" && box.files[0];
  if (!file || !/^image\/(jpeg|png|webp)$/.test(file.type) || !/image\/(jpeg|\*)/.test(box.accept)) return;
  const made = await shrink(file).catch(() => file);
  if (made === file) return;
  const files = new DataTransfer();
  files.items.add(made);
  box.files = files.files;
});

// A file goes in pieces, as the API takes them (tus 1.0). After a cut, and after a reload with the same file, the rest follows what has
// come: the tab keeps its address, which is good for nothing else. What is refused goes once more without script, and the page says why.
const PIECE = 1 << 19;
const ask = (method, address, headers, body, progress) => new Promise(done => {
  const request = new XMLHttpRequest();
  request.open(method, address);
  for (const [name, value] of Object.entries({"Tus-Resumable": "1.0.0", ...headers})) request.setRequestHeader(name, value);
  if (progress) request.upload.addEventListener("progress", event => progress(event.loaded));
  request.addEventListener("loadend", () => done(request));
  request.send(body);
});
const chosen = form => [...form.querySelectorAll("input[type=file]")].flatMap(box => [...box.files])[0];
const keyOf = async (form, file) => {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return `${form.parentElement.dataset.upload} ${form.elements.document.value} ${hash}`;
};
const begin = (form, file) => ask("POST", form.parentElement.dataset.upload, {
  "X-Finq-Client-Id": form.parentElement.dataset.client,
  "X-Finq-Nonce": (form.elements.held ?? form.elements.nonce).value,
  "X-Finq-Document": form.elements.document.value,
  "Upload-Length": file.size,
  "Upload-Metadata": `filetype ${btoa(file.type)}`,
});
const append = (address, file, at, show) =>
  ask("PATCH", address, {"Upload-Offset": at, "Content-Type": "application/offset+octet-stream"}, file.slice(at, at + PIECE),
    loaded => show(Math.min((at + loaded) / file.size, 1)));
const pause = seconds => new Promise(done => {
  setTimeout(done, seconds * 1000);
  addEventListener("online", done, {once: true});
});
const transfer = async (form, file, show) => {
  const key = await keyOf(form, file);
  let address = sessionStorage.getItem(key), at = null, answer;
  for (let failures = 0; !answer?.getResponseHeader("X-Finq-Upload-Id");) {
    const isKnown = address && at === null;
    answer = await (isKnown ? ask("HEAD", address) : address ? append(address, file, at, show) : begin(form, file));
    at = null;
    if ((answer.status === 0 || answer.status === 429 || answer.status >= 500) && (failures < 6 || answer.status === 0)) {
      show(null);
      await pause(Math.min(2 ** failures++, 15));
    } else if (answer.status < 300 || answer.status === 409) {
      failures = 0;
      address ??= answer.getResponseHeader("Location");
      sessionStorage.setItem(key, address);
      at = Number(answer.getResponseHeader("Upload-Offset"));
    } else if (isKnown)
      address = null;
    else
      break;
  }
  sessionStorage.removeItem(key);
  return answer.status < 300;
};
const percent = new Intl.NumberFormat(document.documentElement.lang, {style: "percent"});
const send = async (form, file) => {
  const button = form.querySelector("button");
  const bar = Object.assign(document.createElement("progress"), {max: 1, value: 0});
  const told = Object.assign(document.createElement("p"), {className: "hint", role: "status"});
  bar.setAttribute("aria-label", button.textContent);
  button.replaceWith(bar, told);
  const show = part => {
    bar.value = part ?? bar.value;
    told.textContent = part === null ? form.parentElement.dataset.paused : percent.format(Math.floor(part * 10) / 10);
  };
  if (await transfer(form, file, show).catch(() => false)) {
    form.querySelectorAll("input[type=file]").forEach(box => { box.disabled = true; });
    form.append(Object.assign(document.createElement("input"), {type: "hidden", name: "name", value: file.name}));
    form.elements.act.value = "documents";
  }
  form.submit();
};
addEventListener("submit", event => {
  const file = chosen(event.target);
  if (event.defaultPrevented || !file) return;
  event.preventDefault();
  send(event.target, file);
});
addEventListener("pageshow", () => document.querySelectorAll("[data-upload] form").forEach(async form => {
  const file = chosen(form);
  if (file && sessionStorage.getItem(await keyOf(form, file))) form.requestSubmit();
}));
