// What makes a page smoother; without it everything works all the same.

// An answer that was lost is sent again by the person: one press is one request, as long as it is under way.
addEventListener("submit", event => {
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

// A file's way is shown while it goes. What was refused goes once more without script, so that the page that comes says why.
const percent = new Intl.NumberFormat(document.documentElement.lang, {style: "percent"});
const send = form => {
  const button = form.querySelector("button");
  const bar = Object.assign(document.createElement("progress"), {max: 1, value: 0});
  const told = Object.assign(document.createElement("p"), {className: "hint", role: "status"});
  bar.setAttribute("aria-label", button.textContent);
  button.replaceWith(bar, told);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.upload.addEventListener("progress", event => {
    bar.value = event.loaded / event.total;
    told.textContent = percent.format(bar.value);
  });
  request.addEventListener("loadend", () => {
    if (request.status === 200) {
      form.querySelectorAll("input[type=file]").forEach(box => { box.disabled = true; });
      form.elements.act.value = "documents";
    }
    form.submit();
  });
  request.send(new FormData(form));
};
addEventListener("submit", event => {
  const form = event.target;
  if (event.defaultPrevented || ![...form.querySelectorAll("input[type=file]")].some(box => box.files.length)) return;
  event.preventDefault();
  send(form);
});
