// What comes from the server, shown in order and at the model's own pace: blocks arrive at once,
// frames are shown one after another. The first one is shown without waiting.

const CALM_BACKLOG = 12; // frames of one block; more than that and the pace rises until it is gone

/**
 * Items are { run, turn, frame }: those with a frame wait for their time, the others for what is
 * before them. `run()` may return a promise; nothing later is run before it is done.
 */
class Pace {
  constructor(fps, afterFrames) {
    this.fps = fps;
    this.afterFrames = afterFrames; // told after each moment in which something was shown
    this.items = [];
    this.due = 0;
    this.isRunning = false;
  }

  add(item) {
    this.items.push(item);
    if (!this.isRunning) this.start();
  }

  /** Forgets the frames and news of a turn that were not shown yet. */
  drop(turn) {
    this.items = this.items.filter((item) => item.turn !== turn);
  }

  clear() {
    this.items = [];
  }

  get numFrames() {
    return this.items.reduce((count, item) => count + (item.frame !== undefined), 0);
  }

  async start() {
    this.isRunning = true;
    while (this.items.length) {
      await this.showDue();
      if (this.items.length) await nextMoment();
    }
    this.isRunning = false;
  }

  /** Runs everything whose time has come. */
  async showDue() {
    const now = performance.now();
    if (now - this.due > 1000) this.due = now; // there was a rest
    let shown = 0;
    while (this.items.length && (this.items[0].frame === undefined || this.due <= now)) {
      const item = this.items.shift();
      await item.run();
      if (item.frame === undefined) continue;
      shown += 1;
      this.due += 1000 / (this.fps * Math.max(1, this.numFrames / CALM_BACKLOG));
    }
    if (shown) this.afterFrames();
  }
}

/** The next time that the screen is painted; a hidden page has none and gets a timer. */
function nextMoment() {
  return new Promise((resolve) => {
    if (document.hidden) setTimeout(resolve, 30);
    else requestAnimationFrame(() => resolve());
  });
}
