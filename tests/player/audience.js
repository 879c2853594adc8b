// What a test does in the page: it watches, listens, seeks and waits.  Every wait is for an event.
"use strict";

/** A beep's beginning, in seconds of the context's clock, by the processor that hears it. */
const LISTENER = `
registerProcessor("listener", class extends AudioWorkletProcessor {
  #silent = Infinity;
  process([[channel]]) {
    channel?.forEach((sample, index) => {
      const loud = Math.abs(sample) > 0.1;
      if (loud && this.#silent > sampleRate / 20) this.port.postMessage((currentFrame + index) / sampleRate);
      this.#silent = loud ? 0 : this.#silent + 1;
    });
    return true;
  }
});
`;

const audience = {
  /** Each frame that was shown, as [its instant, whether it is white]. */
  frames: [],
  /** Each beep's beginning, by the sound's clock. */
  beeps_s: [],
  /** How far the sound's clock is ahead of the picture's whenever a frame is shown. */
  leads_s: [],

  /** Resolve once it holds, asked for at once and after every event of the video, of the page and of its buffers. */
  until(holds) {
    const heard = [];
    for (const name of ["durationchange", "ended", "error", "ready", "seeked"]) {
      heard.push([rugbytx, name], [video, name]);
    }
    return new Promise((done) => {
      const look = () => {
        if (!holds()) return;
        for (const [source, name] of heard) source.removeEventListener(name, look);
        rugbytx.hls?.off(Hls.Events.BUFFER_APPENDED, look);
        done();
      };
      for (const [source, name] of heard) source.addEventListener(name, look);
      rugbytx.hls?.on(Hls.Events.BUFFER_APPENDED, look);
      look();
    });
  },

  /** Resolve once the film is there to its end. */
  untilFetched(end_s) {
    return this.until(() => rugbytx.errors.length || rugbytx.buffered.at(-1)?.[1] >= end_s);
  },

  /** Give the instant of the first frame shown of whose instant it holds, or nothing after an error. */
  untilFrame(holds) {
    const shown = new Promise((done) => {
      const look = (_, { mediaTime }) => (holds(mediaTime) ? done(mediaTime) : video.requestVideoFrameCallback(look));
      video.requestVideoFrameCallback(look);
    });
    return Promise.race([shown, this.until(() => rugbytx.errors.length)]);
  },

  /** Resolve at the end of the film, or at the first error. */
  async playToEnd(rate) {
    video.playbackRate = rate;
    video.play().catch(() => {}); // refused only after an error, which is noted
    await this.until(() => (video.ended && !video.seeking) || rugbytx.errors.length);
  },

  /** Seek and give the instant of the frame that is shown then. */
  seek(to_s, reach_s) {
    const arrived = this.untilFrame((at_s) => Math.abs(at_s - to_s) < reach_s);
    video.currentTime = to_s;
    return arrived;
  },

  /** Seek from behind an instant to before it and play on past it; give where the two seeks arrived. */
  async seekBackAcross(instant_s, reach_s) {
    const arrived_s = [await this.seek(instant_s + reach_s, reach_s), await this.seek(instant_s - reach_s, reach_s)];
    const passed = this.untilFrame((at_s) => at_s > instant_s + reach_s);
    video.playbackRate = 1;
    await video.play();
    await passed;
    video.pause();
    return arrived_s;
  },

  /** Pause at an instant, have all that follows in another level, and play to the end; give the heights shown. */
  async switchTo(level, from_s, end_s) {
    await this.seek(from_s, 0.1);
    const heights = [video.videoHeight];
    video.addEventListener("resize", () => heights.at(-1) === video.videoHeight || heights.push(video.videoHeight));
    const flushed = new Promise((done) => rugbytx.hls.once(Hls.Events.BUFFER_FLUSHED, done));
    rugbytx.level = level;
    await flushed;
    await this.untilFetched(end_s);
    await this.playToEnd(4);
    return heights;
  },

  /** Look for white pictures and listen for beeps from here on. */
  async attend() {
    const context = new AudioContext();
    const script = URL.createObjectURL(new Blob([LISTENER], { type: "text/javascript" }));
    await context.audioWorklet.addModule(script);
    const listener = new AudioWorkletNode(context, "listener");
    listener.port.onmessage = ({ data }) => this.beeps_s.push(data);
    context.createMediaElementSource(video).connect(listener).connect(context.destination);
    await context.resume();
    const canvas = new OffscreenCanvas(16, 9).getContext("2d", { willReadFrequently: true });
    const look = (_, { mediaTime, expectedDisplayTime }) => {
      video.requestVideoFrameCallback(look);
      this.leads_s.push(context.currentTime + (expectedDisplayTime - performance.now()) / 1000 - mediaTime);
      // On a busy machine the picture may be a later one than this call is about, and says so itself.
      const picture = new VideoFrame(video);
      canvas.drawImage(picture, 0, 0, 16, 9);
      const { data } = canvas.getImageData(0, 0, 16, 9);
      const isWhite = data.reduce((sum, value) => sum + value, 0) > 200 * data.length;
      this.frames.push([picture.timestamp / 1e6, isWhite]);
      picture.close();
    };
    video.requestVideoFrameCallback(look);
  },
};
