// The clip's time: play, pause, seek, loop one part, wait at the ends of parts. Knows no buttons.

const MIDDLE_OF_FRAME = 0.5; // a seek aims at the middle of a frame, so that rounding cannot miss it

class Clock {
  constructor(video, onChange) {
    this.video = video;
    this.onChange = onChange;
    this.hold_s = 0;
    this.looping = false;
    this.clip = { fps: 1, frames: 1, parts: [] };
    for (const name of ["play", "pause", "seeked", "ended", "ratechange"]) {
      video.addEventListener(name, () => this.onChange());
    }
    video.addEventListener("play", () => this.watch());
    video.addEventListener("ended", () => this.onEnd());
  }

  load(clip) {
    this.stopHolding();
    this.clip = clip;
    this.shown = null;
    this.looped = 0;
  }

  get length() {
    return this.clip.frames / this.clip.fps;
  }

  get now() {
    return this.shown ?? this.video.currentTime;
  }

  get frame() {
    return clamp(Math.floor(this.now * this.clip.fps + 1e-6), 0, this.clip.frames - 1);
  }

  get isPlaying() {
    return !this.video.paused || Boolean(this.holding);
  }

  /** Index of the part that is drawn at a time in seconds. */
  partAt(time) {
    const index = this.clip.parts.findIndex((part) => time < part.end_s - 1e-6);
    return index < 0 ? Math.max(this.clip.parts.length - 1, 0) : index;
  }

  seek(time) {
    this.stopHolding();
    this.goTo(time);
    this.looped = this.onPart;
  }

  /** To the start of a part, which is then the one that is repeated. */
  seekPart(index) {
    this.stopHolding();
    this.goTo(this.startOf(this.clip.parts[index]));
    this.onPart = this.looped = index;
  }

  goTo(time) {
    const last = (this.clip.frames - 1) / this.clip.fps;
    const frame = Math.round(clamp(time, 0, last) * this.clip.fps);
    this.shown = frame / this.clip.fps;
    this.video.currentTime = (frame + MIDDLE_OF_FRAME) / this.clip.fps;
    this.onPart = this.partAt(this.shown);
    this.onChange();
  }

  step(frames) {
    this.pause();
    this.goTo((this.frame + frames) / this.clip.fps);
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play() {
    this.stopHolding();
    if (this.frame >= this.clip.frames - 1) this.goTo(0);
    this.onPart = this.partAt(this.now);
    this.looped = this.onPart;
    this.shown = null;
    // A new source breaks off a play that has begun; that is no fault.
    this.video.play().catch(() => this.onChange());
  }

  pause() {
    this.stopHolding();
    this.video.pause();
    this.onChange();
  }

  /** Looks at the time once a frame of the screen, since timeupdate comes only four times a second. */
  watch() {
    if (this.watching) return;
    const look = () => {
      this.watching = null;
      if (this.video.paused) return;
      this.shown = null;
      this.checkPart();
      this.onChange();
      this.watching = requestAnimationFrame(look);
    };
    this.watching = requestAnimationFrame(look);
  }

  checkPart() {
    const part = this.partAt(this.video.currentTime);
    if (part === this.onPart) return;
    this.endOfPart(this.onPart ?? 0, part);
  }

  endOfPart(ended, next) {
    const { parts } = this.clip;
    const isLast = ended === parts.length - 1;
    if (this.looping) {
      const looped = Math.min(this.looped ?? ended, parts.length - 1);
      this.wait(this.endOf(parts[looped]), () => this.goTo(this.startOf(parts[looped])));
    } else if (this.hold_s && !isLast) this.wait(this.endOf(parts[ended]), () => {});
    else this.onPart = next;
  }

  /** The first frame's time within a part, in seconds; the frame before it shows the part before. */
  startOf(part) {
    return Math.ceil(part.start_s * this.clip.fps - 1e-6) / this.clip.fps;
  }

  /** The first frame's time that shows a part whole, in seconds. */
  endOf(part) {
    return Math.ceil(part.end_s * this.clip.fps - 1e-6) / this.clip.fps;
  }

  onEnd() {
    if (this.looping && this.clip.parts.length) this.endOfPart(this.clip.parts.length - 1, 0);
  }

  /** Stands still at a time for hold_s seconds, then does `then` and goes on. */
  wait(time, then) {
    const resume = () => {
      this.holding = null;
      then();
      this.shown = null;
      this.video.play().catch(() => this.onChange());
    };
    if (!this.hold_s) return resume();
    this.holding = setTimeout(resume, this.hold_s * 1000);
    this.video.pause();
    return this.goTo(time); // a busy page notices the end of a part late
  }

  stopHolding() {
    clearTimeout(this.holding);
    this.holding = null;
  }
}
