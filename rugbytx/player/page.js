// Plays what playing.json names: with hls.js where it is there and works, else with the browser's own HLS.
"use strict";

const MOST_COMPLAINTS = 20;
const video = document.querySelector("#video");
const quality = document.querySelector("#quality");

/**
 * What plays, for people by `show` and for programs as `window.rugbytx`.
 *
 * Dispatches "error" for every complaint of the player or the browser, fatal or
 * not, and "ready" once the levels are known.
 */
class Player extends EventTarget {
  /** Each complaint: {kind, fatal, at_s}. */
  errors = [];
  /** How often playback had to wait for data, other than after a seek. */
  stalls = 0;
  /** hls.js, or null where the browser plays by itself. */
  hls = null;
  isReady = false;
  #buffers = {};
  #flows = false;

  get levels() {
    return (this.hls?.levels ?? []).map(({ width, height, bitrate }) => ({ width, height, bitrate }));
  }

  /** The number of the level that is fetched for, or -1. */
  get level() {
    return this.hls?.currentLevel ?? -1;
  }

  /** Fetch for one level from the next segment on; -1 leaves the choice to hls.js. */
  set level(number) {
    this.hls.nextLevel = number;
  }

  /** What is there of all tracks: [[from_s, to_s], ...]. */
  get buffered() {
    return spans(video.buffered);
  }

  /**
   * What is there of each track, by its kind; nothing where the browser plays by itself.
   *
   * Other than `buffered`, which the browser stretches to the longest track once
   * all has been fetched, this shows a track that ends too early.
   */
  get tracks() {
    return Object.fromEntries(Object.entries(this.#buffers).map(([kind, buffer]) => [kind, spans(buffer.buffered)]));
  }

  get frames() {
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return { shown: totalVideoFrames - droppedVideoFrames, dropped: droppedVideoFrames };
  }

  get ended() {
    return video.ended;
  }

  get duration_s() {
    return video.duration;
  }

  open(source) {
    if (source.split("?")[0].endsWith(".m3u8") && window.Hls?.isSupported()) {
      this.#openWithHls(source);
    } else {
      video.addEventListener("loadedmetadata", () => this.#ready(), { once: true });
      video.src = source;
    }
    video.addEventListener("error", () => this.complain(`media: ${video.error.message || video.error.code}`, true));
    // Every seek is followed by a wait that is its own: only what comes after "playing" is a stall.
    video.addEventListener("playing", () => (this.#flows = true));
    video.addEventListener("seeking", () => (this.#flows = false));
    video.addEventListener("waiting", () => video.ended || this.#stall());
  }

  complain(kind, fatal) {
    this.errors.push({ kind, fatal, at_s: video.currentTime });
    this.dispatchEvent(new Event("error"));
  }

  #openWithHls(source) {
    // From the beginning also where the playlist still grows.
    this.hls = new Hls({ startPosition: 0 });
    this.hls.on(Hls.Events.ERROR, (_, { type, details, fatal }) => {
      if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR && !fatal) this.#stall();
      else this.complain(`${type}: ${details}`, fatal);
    });
    this.hls.on(Hls.Events.MANIFEST_PARSED, () => this.#ready());
    this.hls.on(Hls.Events.MEDIA_ATTACHING, () => (this.#buffers = {})); // also when hls.js begins anew after an error
    this.hls.on(Hls.Events.BUFFER_CREATED, (_, { tracks }) => {
      this.#buffers = Object.fromEntries(Object.entries(tracks).map(([kind, { buffer }]) => [kind, buffer]));
    });
    this.hls.loadSource(source);
    this.hls.attachMedia(video);
  }

  #stall() {
    this.stalls += this.#flows ? 1 : 0;
    this.#flows = false;
  }

  #ready() {
    this.isReady = true;
    this.dispatchEvent(new Event("ready"));
  }
}

const spans = (ranges) => Array.from(ranges, (_, index) => [ranges.start(index), ranges.end(index)]);
const name = ({ height }) => `${height}p`;
const rate = ({ bitrate }) => `${(bitrate / 1e6).toFixed(1)} Mbit/s`;
const clock = (instant_s) => {
  const whole_s = Math.floor(instant_s);
  const tail = `${String(Math.floor(whole_s / 60) % 60).padStart(2, "0")}:${String(whole_s % 60).padStart(2, "0")}`;
  return `${Math.floor(whole_s / 3600)}:${tail}`;
};

function tell(id, text) {
  document.getElementById(id).textContent = text;
}

function offer(player) {
  const options = player.levels.map((level, number) => new Option(`${name(level)} · ${rate(level)}`, number));
  quality.replaceChildren(new Option("Auto", -1), ...options);
  quality.disabled = options.length === 0;
  quality.addEventListener("change", () => (player.level = Number(quality.value)));
}

function show(player) {
  const level = player.levels[player.level];
  const { shown, dropped } = player.frames;
  tell("level", level ? `${name(level)} · ${rate(level)}` : video.videoHeight ? `${video.videoHeight}p` : "–");
  tell("position", Number.isFinite(video.duration) ? `${clock(video.currentTime)} of ${clock(video.duration)}` : "–");
  tell("buffered", player.buffered.map(([start, end]) => `${start.toFixed(1)}–${end.toFixed(1)} s`).join(", ") || "–");
  tell("frames", `${shown} shown, ${dropped} dropped`);
  tell("stalls", player.stalls);
}

function complain(player) {
  tell("errors", player.errors.length);
  const sentences = player.errors.slice(-MOST_COMPLAINTS).map(({ kind, fatal, at_s }) => {
    const item = document.createElement("li");
    item.textContent = `${clock(at_s)} ${kind}${fatal ? ", fatal" : ""}`;
    return item;
  });
  document.querySelector("#complaints").replaceChildren(...sentences);
}

async function main() {
  const player = (window.rugbytx = new Player());
  player.addEventListener("error", () => complain(player));
  player.addEventListener("ready", () => offer(player));
  setInterval(() => show(player), 250);
  const { title, source } = await (await fetch("playing.json")).json();
  tell("title", title);
  document.title = `${title} · rugbytx`;
  player.open(source);
}

main();
