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

  /** Resolve once it holds, asked for at once and after every event of the video, of the page and of hls.js. */
  until(holds) {
    const heard = [];
    for (const name of ["durationchange", "ended", "error", "ready", "seeked"]) {
      heard.push([rugbytx, name], [video, name]);
    }
    // hls.js looks only at its own next tick which segment is playing, and says so by FRAG_CHANGED.
    const { BUFFER_APPENDED, BUFFER_FLUSHED, FRAG_BUFFERED, FRAG_CHANGED } = window.Hls?.Events ?? {};
    const ofHls = [BUFFER_APPENDED, BUFFER_FLUSHED, FRAG_BUFFERED, FRAG_CHANGED];
    return new Promise((done) => {
      const look = () => {
        if (!holds()) return;
        for (const [source, name] of heard) source.removeEventListener(name, look);
        for (const name of ofHls) rugbytx.hls?.off(name, look);
        done();
      };
      for (const [source, name] of heard) source.addEventListener(name, look);
      for (const name of ofHls) rugbytx.hls?.on(name, look);
      look();
    });
  },

  /** Whether each track is there to its end; `buffered` says so too early, when one of them is. */
  isFetched(end_s) {
    const tracks = Object.values(rugbytx.tracks);
    return tracks.length > 0 && tracks.every((spans) => spans.at(-1)?.[1] >= end_s);
  },

  /** Resolve once the film is there to its end, and further fits. */
  untilFetched(end_s, fits = () => true) {
    return this.until(() => rugbytx.errors.length || (this.isFetched(end_s) && fits()));
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

  /** Have all of the film in one level, whatever hls.js has chosen on this machine. */
  async hold(level, end_s) {
    const { hls } = rugbytx;
    await this.untilFetched(end_s); // hls.js says that it has dropped something only where there was something
    video.currentTime = 0;
    await this.until(() => !video.seeking);
    hls.stopLoad(); // else it may still be busy with the last segment, and add it to what comes
    const dropped = new Promise((done) => {
      hls.on(Hls.Events.BUFFER_FLUSHED, (_, { type }) => type === "video" && done());
    });
    hls.currentLevel = level;
    await dropped;
    hls.startLoad(0);
    await this.untilFetched(end_s, () => hls.currentLevel === level);
  },

  /**
   * Pause at an instant and have all that follows its segment in another level; give the frames shown then.
   *
   * Each is [its instant, its height]: one near the end, the one at the instant, and those of playing on from there.
   * A busy machine leaves frames out while it plays, but none that is sought.
   */
  async switchTo(level, from_s, end_s) {
    const { hls } = rugbytx;
    video.pause();
    await this.seek(from_s, 0.1);
    await this.untilFetched(end_s, () => hls.nextLevel >= 0); // hls.js drops what it knows to be there
    rugbytx.level = level;
    await this.untilFetched(end_s, () => hls.nextLevel === level);
    const shown = [];
    // The frame itself says how high it is: the video's own height follows some time after.
    const look = (_, { mediaTime, height }) => {
      video.requestVideoFrameCallback(look);
      shown.push([mediaTime, height]);
    };
    video.requestVideoFrameCallback(look);
    await this.seek(end_s - 0.1, 0.1);
    await this.seek(from_s, 0.1);
    await this.playToEnd(4);
    return shown;
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
