// A pen over the sheet whose tip is where the newest ink is; lifted between strokes.

class PlayerPen {
  constructor(root, clock) {
    this.mark = root.querySelector(".pl-pen");
    this.button = root.querySelector("[data-do=pen]");
    this.clock = clock;
    this.shown = true;
  }

  toggle() {
    this.shown = !this.shown;
    this.button.setAttribute("aria-pressed", String(this.shown));
    this.render();
  }

  render() {
    const { clip, frame } = this.clock;
    const tip = clip.tips?.[frame];
    const visible = Boolean(this.shown && tip && this.clock.now > 0);
    this.mark.classList.toggle("pl-pen-down", visible);
    if (!visible) return;
    const { left, top, scale } = this.sheet(clip);
    this.mark.style.transform = `translate(${left + tip[0] * scale}px, ${top + tip[1] * scale}px)`;
  }

  /** Where the picture lies within the stage: a video keeps its proportions in its element. */
  sheet(clip) {
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.clock.video;
    const scale = Math.min(offsetWidth / clip.width, offsetHeight / clip.height);
    return {
      left: offsetLeft + (offsetWidth - clip.width * scale) / 2,
      top: offsetTop + (offsetHeight - clip.height * scale) / 2,
      scale,
    };
  }
}
