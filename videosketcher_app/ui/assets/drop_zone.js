// A window-wide target for one exported file.

const BYTES_PER_MEGABYTE = 1_000_000;
const OTHER_TARGETS = "input[type=file], [data-testid=file-upload], [aria-dropeffect], .drop-target";

class DropZone {
  constructor(root, { send, upload }) {
    this.zone = root.querySelector(".drop-zone");
    this.status = root.querySelector(".dz-status");
    this.root = root;
    this.send = send;
    this.upload = upload;
    this.depth = 0;
    this.listening = new AbortController();
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      const action = (event) => this.isMine(event) && this[name](event);
      window.addEventListener(name, action, { signal: this.listening.signal });
    }
  }

  /** Files only, and not over something on the page that takes files itself. */
  isMine(event) {
    if (!this.root.isConnected) {
      this.listening.abort();
      return false;
    }
    const files = event.dataTransfer?.types.includes("Files");
    return files && (event.type === "dragleave" || !event.target.closest?.(OTHER_TARGETS));
  }

  show(on) {
    this.zone.classList.toggle("dz-shown", on);
  }

  dragenter(event) {
    event.preventDefault();
    this.depth += 1;
    this.show(true);
  }

  dragover(event) {
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  }

  dragleave() {
    this.depth = Math.max(this.depth - 1, 0);
    if (!this.depth) this.show(false);
  }

  drop(event) {
    event.preventDefault();
    this.depth = 0;
    this.show(false);
    this.take([...event.dataTransfer.files]);
  }

  async take(files) {
    const fault = faultOf(files);
    this.say(fault || say("reading"), Boolean(fault));
    if (fault) return;
    try {
      const { path } = await this.upload(files[0]);
      this.send({ path, name: files[0].name });
      this.say("");
    } catch {
      this.say(say("failed"), true);
    }
  }

  say(text, isFault = false) {
    this.status.textContent = text;
    this.status.classList.toggle("dz-fault", isFault);
  }
}

/** What is wrong with the dropped files, as a sentence; "" if nothing is. */
function faultOf(files) {
  if (files.length !== 1) return say("many");
  const [file] = files;
  if (!ENDINGS.some((ending) => file.name.toLowerCase().endsWith(ending))) return say("kind");
  const isLarge = file.size > MAX_MEGABYTES * BYTES_PER_MEGABYTE;
  return isLarge ? say("large", { megabytes: MAX_MEGABYTES }) : "";
}

new DropZone(element, { upload, send: (data) => trigger("dropped", data) });
