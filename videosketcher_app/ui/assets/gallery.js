// Buttons of the gallery are elements with data-do. The DOM below `element` is replaced with every
// new value, so all listeners sit on `element` itself.
const TRIGGERS = {
  pick: (data) => trigger('pick', data),
  check: (data) => trigger('check', data),
  again: (data) => trigger('again', data),
  dismiss: (data) => trigger('dismiss', data),
  restore: (data) => trigger('restore', data),
  save: (data) => trigger('save', data),
  forget: (data) => trigger('forget', data),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const videos = () => [...element.querySelectorAll('.vg-compare video')];

function seek(button) {
  const video = element.querySelector('.vg-detail video');
  if (!video) return;
  video.currentTime = Number(button.dataset.at);
  video.play().catch(() => {});
}

// Both clips share one position from 0 to 1: clips of different length start and end together.
function setBoth(share) {
  for (const video of videos()) {
    if (Number.isFinite(video.duration)) video.currentTime = share * video.duration;
  }
}

// Whoever presses "Play both" may be faster than the clips' metadata: until both lengths are known
// each clip plays at its own pace, then they meet at the place that the slider shows.
function keepStep() {
  const both = videos();
  const longest = Math.max(...both.map((video) => video.duration));
  if (!both.length || !Number.isFinite(longest)) return;
  for (const video of both) {
    video.playbackRate = Math.min(4, Math.max(0.25, video.duration / longest));
  }
  // Clips that nobody has touched keep their posters, which a seek would take away.
  const share = Number(element.querySelector('.vg-scrub').value) / 1000;
  if (share > 0 || both.some(isOn)) setBoth(share);
}

const isOn = (video) => !video.paused && !video.ended && !video.error;

function nameBoth() {
  const button = element.querySelector('[data-do="both"]');
  if (button) button.textContent = videos().some(isOn) ? button.dataset.pause : button.dataset.play;
}

function playBoth() {
  const both = videos();
  if (both.some(isOn)) {
    both.forEach((video) => video.pause());
  } else {
    const [first] = both;
    if (first.ended || first.currentTime >= first.duration) setBoth(0);
    both.forEach((video) => video.play().catch(nameBoth));
  }
  nameBoth();
}

element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-do]');
  if (!target || !element.contains(target)) return;
  const name = target.dataset.do;
  if (name === 'seek') seek(target);
  else if (name === 'both') playBoth();
  else TRIGGERS[name]?.({ id: target.dataset.id, on: target.checked === true });
});

element.addEventListener('input', (event) => {
  if (!event.target.classList.contains('vg-scrub')) return;
  videos().forEach((video) => video.pause());
  setBoth(Number(event.target.value) / 1000);
});

element.addEventListener('timeupdate', (event) => {
  const [first] = videos();
  const scrub = element.querySelector('.vg-scrub');
  if (!scrub || event.target !== first || first.paused || !Number.isFinite(first.duration)) return;
  scrub.value = String(Math.round((1000 * first.currentTime) / first.duration));
}, true);

// Events of videos do not bubble; on their way down they pass `element`.
element.addEventListener('loadedmetadata', keepStep, true);
for (const name of ['play', 'pause', 'ended', 'error']) element.addEventListener(name, nameBoth, true);

// Arrow keys walk over the drawings; up and down go by the columns that the window has now.
element.addEventListener('keydown', (event) => {
  const step = ARROWS[event.key];
  if (!step || !event.target.classList.contains('vg-open')) return;
  const all = [...element.querySelectorAll('.vg-open')];
  const top = all[0].getBoundingClientRect().top;
  const columns = all.filter((tile) => Math.abs(tile.getBoundingClientRect().top - top) < 4).length;
  const next = all[all.indexOf(event.target) + step[0] + step[1] * columns];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// A new value makes new elements: whoever was on one stays on the one in its place.
let focused = null;
element.addEventListener('focusin', (event) => {
  const target = event.target.closest('[data-do]');
  focused = target && { what: target.dataset.do, id: target.dataset.id };
});
element.addEventListener('focusout', (event) => {
  if (event.relatedTarget) focused = null;
});
watch('value', () => {
  if (!focused || document.activeElement !== document.body) return;
  const twins = [...element.querySelectorAll(`[data-do="${focused.what}"]`)];
  twins.find((twin) => twin.dataset.id === focused.id)?.focus({ preventScroll: true });
});

// Where the page is one column, the drawing that was opened is below everything else.
watch('value', () => {
  const detail = element.querySelector('.vg-detail');
  if (detail && detail.getBoundingClientRect().top > window.innerHeight - 80) {
    detail.scrollIntoView({ block: 'start' });
  }
});

// A tab that is opened again shows what was drawn meanwhile.
let wasVisible = false;
new IntersectionObserver((entries) => {
  const isVisible = entries[entries.length - 1].isIntersecting;
  if (isVisible && !wasVisible) trigger('seen', {});
  wasVisible = isVisible;
}).observe(element);
