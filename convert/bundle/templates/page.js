// Runs the model tools in Pyodide. All files come from files.js, base64 of gzip, so that the page needs no server:
// a browser reads no other file beside a page that was opened from a disk.
"use strict";

const state = document.getElementById("state");

async function unpack(name) {
  const packed = Uint8Array.from(atob(FILES[name]), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// What Pyodide asks for is answered from files.js; nothing else is fetched.
window.fetch = async (resource) => {
  const name = String(resource.url || resource).split("/").pop();
  if (!(name in FILES)) throw new Error(`${name} is not among the page's files`);
  const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
  return new Response(await unpack(name), { headers: { "Content-Type": type } });
};

async function startPython() {
  const source = new Blob([await unpack("pyodide.asm.mjs")], { type: "text/javascript" });
  const address = URL.createObjectURL(source);
  const createPyodideModule = (await import(address)).default;
  URL.revokeObjectURL(address);
  const lock = JSON.parse(new TextDecoder().decode(await unpack("pyodide-lock.json")));
  python = await loadPyodide({ indexURL: "./", createPyodideModule, lockFileContents: lock });
  python.unpackArchive(await unpack("tools.zip"), "zip", { extractDir: "/tools" });
  python.runPython("import sys; sys.path.insert(0, '/tools')");
  return python.pyimport("convert.page_answers");
}

function show(text, isError) {
  state.textContent = text;
  state.className = isError ? "error" : "";
}

function showPart(name, answer) {
  const section = document.getElementById(name);
  section.hidden = answer.document === null || (name !== "check" && answer.status !== 0);
  section.querySelector(".shown").innerHTML = answer.html; // from templates that escape all they are given
  section.querySelector(".json").textContent = JSON.stringify(answer.document, null, 1);
}

const painted = () => new Promise((done) => setTimeout(done, 20));

async function judge(file) {
  const begun = performance.now();
  state.dataset.done = "";
  for (const section of document.querySelectorAll("main section")) section.hidden = true;
  show(`Reading ${file.name} ..`);
  const answers = await ready;
  const path = file.name.replace(/[^\w.-]/g, "_");
  python.FS.writeFile(path, new Uint8Array(await file.arrayBuffer()));
  let last = null;
  for (const name of ["check", "arena", "boards"]) {
    await painted();
    last = JSON.parse(answers.answer(path, name));
    if (last.status === 2) break;
    showPart(name, last);
    if (name === "check") state.dataset.first = Math.round(performance.now() - begun);
    if (last.status !== 0) break;
  }
  python.FS.unlink(path);
  const failed = last.status === 2;
  show(failed ? last.error.replace(/^error: /, "") : `${file.name}, ${file.size.toLocaleString("en")} B`, failed);
  state.dataset.all = Math.round(performance.now() - begun);
  state.dataset.done = file.name;
}

let python = null;
const ready = startPython();
ready.then(
  () => show("Ready: Python runs in this page."),
  (error) => show(`Python did not start: ${error.message}`, true),
);

let queue = Promise.resolve();
const take = (files) => {
  if (files.length) queue = queue.then(() => judge(files[0])).catch((error) => show(String(error), true));
};
document.getElementById("file").addEventListener("change", (event) => take(event.target.files));
const drop = document.getElementById("drop");
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files);
  });
}
