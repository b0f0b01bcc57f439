// How pictures come: chosen, dropped, pasted, by folders.

import { at } from "./dom.js";
import { say } from "./words.js";

// Of a folder all of these are taken, and nothing else; a file that is named by a person is taken anyway.
const PICTURE = /\.(jpe?g|jfif|png|apng|gif|webp|avif|bmp|ico|tiff?|heic|heif|jxl|mp4|m4v|mov|webm|mkv|avi|ogv)$/i;

/**
 * Listen to all ways in.
 *
 * @param {(files: Array<{name: string, file: File}>, leftOut: number) => void} take leftOut: files of
 *     folders that are neither pictures nor films
 * @param {(text: string) => void} complain
 */
export function openIntake(take, complain) {
  byButton("choose", "files", (files) => take(files.map(named), 0));
  byButton("folder", "folder-files", (files) => sieve(files.map(named), take));
  byDrop(take);
  byPaste(take, complain);
}

const named = (file) => ({ name: file.webkitRelativePath || file.name, file });

function sieve(files, take) {
  const pictures = files.filter(({ name, file }) => /^(image|video)\//.test(file.type) || PICTURE.test(name));
  take(pictures, files.length - pictures.length);
}

function byButton(button, input, then) {
  at(button).addEventListener("click", () => at(input).click());
  at(input).addEventListener("change", () => {
    then([...at(input).files]);
    at(input).value = ""; // so that the same can be chosen again
  });
}

function byDrop(take) {
  let depth = 0; // a drag enters the children, too
  const show = (by) => {
    depth = by ? Math.max(0, depth + by) : 0;
    at("over").hidden = depth === 0;
  };
  const files = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => files(event) && show(1));
  addEventListener("dragleave", (event) => files(event) && show(-1));
  addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", async (event) => {
    if (!files(event)) return;
    event.preventDefault();
    show(0);
    await takeDropped(event.dataTransfer, take);
  });
}

async function takeDropped(transfer, take) {
  // Entries are to be had during the event alone.
  const entries = [...transfer.items].filter((one) => one.kind === "file").map((one) => one.webkitGetAsEntry?.());
  const plain = [...transfer.files].filter((_, n) => !entries[n]?.isDirectory).map(named);
  if (plain.length) take(plain, 0);
  for (const entry of entries) {
    if (!entry?.isDirectory) continue;
    const inside = [];
    for await (const one of within(entry)) inside.push(one);
    sieve(inside, take);
  }
}

/** The files of a dropped folder, at any depth. */
async function* within(folder) {
  const reader = folder.createReader();
  for (;;) {
    // A hundred at a time, until there are none.
    const entries = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.isDirectory) yield* within(entry);
      else {
        const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
        if (file) yield { name: entry.fullPath.replace(/^\//, ""), file };
      }
    }
  }
}

function byPaste(take, complain) {
  let count = 0;
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) {
      if (!event.target.closest?.("input")) complain(say("nothing_pasted"));
      return;
    }
    event.preventDefault();
    take(files.map((file) => ({ name: pastedName(file, ++count), file })), 0);
  });
}

/** A picture that was copied has no name of its own: browsers call all of them image.png. */
function pastedName(file, n) {
  if (!/^image\.\w+$/.test(file.name)) return file.name;
  return say("pasted", { n: String(n), ending: file.name.split(".").at(-1) });
}
