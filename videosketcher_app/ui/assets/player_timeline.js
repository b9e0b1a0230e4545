// The timeline: one colored segment a part, a head at the time that is shown.

const HUES = 8;
const SCRUB_STEP_S = 0.1;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const inSeconds = (time) => time.toFixed(1);

class Timeline {
  constructor(element, clock) {
    this.element = element;
    this.clock = clock;
    this.parts = element.querySelector(".pl-parts");
    this.head = element.querySelector(".pl-head");
    new ResizeObserver(() => this.fitNames()).observe(this.parts);
    element.addEventListener("pointerdown", (event) => this.onDown(event));
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  build() {
    const { length, clip } = this.clock;
    this.parts.replaceChildren(
      ...clip.parts.map((part, i) => {
        const segment = document.createElement("span");
        segment.className = `pl-part pl-hue${i % HUES}`;
        segment.style.flexGrow = String((part.end_s - part.start_s) / length);
        segment.textContent = part.name;
        segment.dataset.number = String(i + 1);
        segment.title = say("part_label", {
          number: i + 1,
          name: part.name,
          start: inSeconds(part.start_s),
          end: inSeconds(part.end_s),
        });
        return segment;
      }),
    );
    this.element.setAttribute("aria-valuemax", length.toFixed(2));
    this.fitNames();
  }

  /** A name is shown whole or not at all; the part's number, as in the plan, stands in for it. */
  fitNames() {
    for (const segment of this.parts.children) {
      segment.classList.toggle("pl-tight", segment.scrollWidth > segment.clientWidth);
    }
  }

  render() {
    const { now, length, clip } = this.clock;
    const index = this.clock.partAt(now);
    this.head.style.left = `${clamp(now / length, 0, 1) * 100}%`;
    this.element.setAttribute("aria-valuenow", now.toFixed(2));
    const name = clip.parts[index]?.name ?? "";
    const spoken = say("time_spoken", { now: inSeconds(now), end: inSeconds(length), name });
    this.element.setAttribute("aria-valuetext", spoken);
    [...this.parts.children].forEach((segment, i) => segment.classList.toggle("pl-current", i === index));
  }

  timeAt(event) {
    const box = this.element.getBoundingClientRect();
    return clamp((event.clientX - box.left) / box.width, 0, 1) * this.clock.length;
  }

  /** A click on a part jumps to its start; a drag scrubs. */
  onDown(event) {
    if (event.button) return;
    event.preventDefault();
    this.element.focus();
    const startX = event.clientX;
    const playing = this.clock.isPlaying;
    let scrubbed = false;
    followPointer(this.element, event, {
      move: (moved) => {
        if (!scrubbed && Math.abs(moved.clientX - startX) < 4) return;
        if (!scrubbed) this.clock.pause();
        scrubbed = true;
        this.clock.seek(this.timeAt(moved));
      },
      end: (kept) => {
        if (kept && !scrubbed) this.jump(this.clock.partAt(this.timeAt(event)));
        if (playing && scrubbed) this.clock.play();
      },
    });
  }

  jump(index) {
    if (!this.clock.clip.parts[index]) return;
    const playing = this.clock.isPlaying;
    this.clock.seekPart(index);
    if (playing) this.clock.play();
  }

  onKey(event) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
    const step = steps[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) this.jump(this.clock.partAt(this.clock.now) + step);
    else this.clock.seek(this.clock.now + step * SCRUB_STEP_S);
  }
}
