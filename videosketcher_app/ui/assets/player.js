// The player: video, timeline, buttons and keys over one clock.

class Player {
  constructor(root, retime) {
    this.root = root;
    this.video = root.querySelector("video");
    this.clock = new Clock(this.video, () => this.render());
    this.timeline = new Timeline(root.querySelector(".pl-time"), this.clock);
    this.order = new OrderEditor(root.querySelector(".pl-order"), root.querySelector(".pl-length"));
    this.pen = new PlayerPen(root, this.clock);
    this.retime = retime;
    this.fillSelects();
    this.listen();
  }

  load(value) {
    const shown = Boolean(value?.video);
    this.root.classList.toggle("pl-blank", !shown);
    this.message(shown ? "" : say("empty"));
    if (!shown) {
      this.source = null;
      this.video.removeAttribute("src");
      this.video.load();
      return;
    }
    const clip = { ...value, fps: value.fps || 16, frames: value.frames || 1, parts: value.parts ?? [] };
    this.clock.load(clip);
    this.video.style.aspectRatio = `${clip.width} / ${clip.height}`;
    this.video.setAttribute("aria-label", say("stage_label", { title: clip.title ?? "" }));
    this.timeline.build();
    this.order.load(clip.parts);
    this.loadVideo(clip.video);
    this.render();
  }

  loadVideo(path) {
    const base = window.gradio_config?.root ?? "";
    const source = `${base}/gradio_api/file=${path.split("/").map(encodeURIComponent).join("/")}`;
    if (source === this.source) return;
    this.source = source;
    this.video.src = source;
    this.setSpeed(this.select("speed").value);
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still) this.clock.play();
  }

  select(name) {
    return this.root.querySelector(`[data-set=${name}]`);
  }

  fillSelects() {
    const option = (value, text, chosen) => new Option(text, value, chosen, chosen);
    this.select("speed").replaceChildren(...SPEEDS.map((speed) => option(speed, `${speed}×`, speed === 1)));
    const words = (hold) => (hold ? say("hold_value", { seconds: hold }) : say("hold_none"));
    this.select("hold").replaceChildren(...HOLDS_S.map((hold) => option(hold, words(hold), hold === 0)));
  }

  listen() {
    const actions = this.actions();
    this.root.addEventListener("click", ({ target }) => {
      actions[target.closest("[data-do]")?.dataset.do]?.();
    });
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.select("speed").addEventListener("change", ({ target }) => this.setSpeed(target.value));
    this.select("hold").addEventListener("change", ({ target }) => { this.clock.hold_s = Number(target.value); });
    this.video.addEventListener("click", () => this.clock.toggle());
    this.video.addEventListener("error", () => this.source && this.message(say("broken")));
  }

  actions() {
    return {
      play: () => this.clock.toggle(),
      start: () => this.clock.seek(0),
      back: () => this.clock.step(-1),
      on: () => this.clock.step(1),
      loop: () => this.setLooping(!this.clock.looping),
      pen: () => this.pen.toggle(),
      full: () => this.toggleFull(),
      reset: () => this.order.reset(),
      apply: () => this.retime({ ...this.order.retiming, hold_s: this.clock.hold_s }),
    };
  }

  setSpeed(speed) {
    this.video.defaultPlaybackRate = Number(speed);
    this.video.playbackRate = Number(speed);
  }

  setLooping(on) {
    this.clock.looping = on;
    this.clock.looped = this.clock.partAt(this.clock.now);
    this.clock.onPart = this.clock.looped;
    this.button("loop").setAttribute("aria-pressed", String(on));
  }

  toggleFull() {
    const change = document.fullscreenElement
      ? document.exitFullscreen()
      : this.root.requestFullscreen?.();
    change?.catch(() => {}); // the browser does not allow it here
  }

  /** Keys of the whole player; a button keeps Space, a list of choices keeps all of its keys. */
  onKey(event) {
    const { target, key } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches("select, summary")) return;
    if (key === " " && target.matches("button")) return;
    const keys = {
      " ": () => this.clock.toggle(),
      Home: () => this.clock.seek(0),
      End: () => this.clock.seek(this.clock.length),
      ",": () => this.clock.step(-1),
      ".": () => this.clock.step(1),
    };
    if (!keys[key] || this.root.classList.contains("pl-blank")) return;
    event.preventDefault();
    keys[key]();
  }

  button(action) {
    return this.root.querySelector(`[data-do=${action}]`);
  }

  message(text) {
    const element = this.root.querySelector(".pl-message");
    element.textContent = text;
    element.hidden = !text;
  }

  render() {
    const { clock } = this;
    this.timeline.render();
    this.pen.render();
    const words = { now: clock.now.toFixed(2), end: clock.length.toFixed(2) };
    this.root.querySelector(".pl-readout").textContent = say("time", words);
    this.root.querySelector(".pl-now").textContent = clock.clip.parts[clock.partAt(clock.now)]?.name ?? "";
    const play = this.button("play");
    this.root.classList.toggle("pl-playing", clock.isPlaying);
    const label = say(clock.isPlaying ? "pause" : "play");
    if (play.title === label) return;
    play.title = label;
    play.setAttribute("aria-label", label);
  }
}

const player = new Player(element.querySelector(".player"), (data) => trigger("retime", data));
player.load(props.value);
watch("value", () => player.load(props.value));
