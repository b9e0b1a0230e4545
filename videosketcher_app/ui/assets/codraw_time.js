// The line under the paper: frames of the last turn, to go on from one of them, or the whole
// session once more.

class TimeLine {
  constructor(root, stage) {
    this.root = root;
    this.stage = stage;
    this.slider = root.querySelector("[data-set=time]");
    this.readout = root.querySelector(".cd-readout");
    this.replay = new Replay(stage, (time, length, playing) => this.showReplay(time, length, playing));
    this.speed = root.querySelector("[data-set=speed]");
    this.speed.replaceChildren(...SPEEDS.map((speed) => new Option(`${speed}×`, speed, speed === 1, speed === 1)));
    this.speed.addEventListener("change", () => { this.replay.speed = Number(this.speed.value); });
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
  }

  get story() {
    return this.stage.story;
  }

  button(action) {
    return this.root.querySelector(`[data-do=${action}]`);
  }

  /** True while another moment than now is shown. */
  get isElsewhere() {
    return this.replay.isOpen || this.stage.shown !== null;
  }

  /** The slider at the end of the last turn, which is now. */
  rest() {
    this.stage.shown = null;
    const turn = this.story.last;
    const frames = turn?.hand === "model" ? turn.frames : 0;
    this.setSlider(Math.max(0, frames - 1), Math.max(0, frames - 1), 1);
    this.slider.disabled = frames < 2;
    this.readout.textContent = frames ? say("frame_of", { frame: frames, frames }) : "";
    this.button("keep").hidden = true;
    this.button("replay").disabled = this.story.isBlank;
  }

  /** Back to now. */
  close() {
    const wasElsewhere = this.isElsewhere;
    this.replay.close();
    this.rest();
    if (wasElsewhere) this.stage.redraw();
  }

  seek(value) {
    if (this.replay.isOpen) {
      this.replay.pause();
      this.replay.seek(value);
      return;
    }
    const turn = this.story.last;
    const isNow = value >= turn.frames - 1;
    this.stage.shown = isNow ? null : { number: turn.number, frame: value, pending: false };
    this.readout.textContent = say("frame_of", { frame: value + 1, frames: turn.frames });
    this.button("keep").hidden = isNow;
    this.stage.redraw();
  }

  /** One frame back or on. */
  step(by) {
    if (this.slider.disabled) return;
    const value = clamp(Number(this.slider.value) + by * Number(this.slider.step), 0, Number(this.slider.max));
    this.slider.value = value;
    this.seek(value);
  }

  /** The chosen frame of the last turn, or null. */
  get chosen() {
    return this.stage.shown && { turn: this.stage.shown.number, frame: this.stage.shown.frame };
  }

  togglePlay() {
    if (this.story.isBlank) return;
    this.stage.shown = null;
    this.button("keep").hidden = true;
    this.replay.toggle();
  }

  showReplay(time, length, playing) {
    const isOpen = length > 0;
    this.button("close-replay").hidden = !isOpen;
    this.button("replay").textContent = say(playing ? "pause" : "replay");
    if (!isOpen) return;
    this.slider.disabled = false;
    this.setSlider(time, length, 0.05);
    this.readout.textContent = say("seconds_of", { time: time.toFixed(1), length: length.toFixed(1) });
  }

  setSlider(value, max, step) {
    Object.assign(this.slider, { min: 0, max, step });
    this.slider.value = value;
  }
}
