// Several sounds on one clock. All of them play all the time; what is heard is a matter of gains.

const RAMP_S = 0.005; // of a switch: shorter clicks, longer smears
const AHEAD_S = 0.03; // until all sources begin, on one sample
const SHORTEST_LOOP_S = 0.05;

class Player {
  constructor(data) {
    Object.assign(this, { data, choice: null, matched: true, boosted: false, loop: null, batch: null, at: 0 });
    this.buffers = new Map(); // by track
    this.heard = () => {}; // called after whatever changes
  }

  get context() {
    if (!this.opened) {
      try {
        this.opened = new AudioContext({ sampleRate: this.data.sr });
      } catch { // a rate that the browser does not do: all sounds are resampled alike
        this.opened = new AudioContext();
      }
    }
    return this.opened;
  }

  track(id) {
    return this.data.tracks.find((track) => track.id === id);
  }

  async load(ids) {
    await Promise.all(ids.filter((id) => !this.buffers.has(id)).map(async (id) => {
      const text = atob(document.getElementById(`audio-${id}`).textContent);
      const bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      this.buffers.set(id, await this.context.decodeAudioData(bytes.buffer));
    }));
  }

  // The gain of each track at a choice. The difference is the reference and, turned round, the fit.
  levels(choice = this.choice) {
    const level = (id) => (this.matched ? this.track(id).matched : this.track(id).plain);
    if (choice !== "difference") return new Map([[choice, level(choice) * this.track(choice).scale]]);
    const gain = level("reference") * (this.boosted ? 10 ** (this.data.boost / 20) : 1);
    return new Map([["reference", gain * this.track("reference").scale], ["fit", -gain * this.track("fit").scale]]);
  }

  // Sources for every sound, begun together: equal samples meet in the same frame.
  wire(context, start, offset) {
    const bus = new GainNode(context), levels = this.levels(), voices = new Map();
    const [loopStart, loopEnd] = this.loop ?? [0, 0];
    for (const [id, buffer] of this.buffers) {
      const source = new AudioBufferSourceNode(context, { buffer, loop: this.loop !== null, loopStart, loopEnd });
      const gain = new GainNode(context, { gain: levels.get(id) ?? 0 });
      source.connect(gain).connect(bus);
      source.start(start, offset);
      voices.set(id, { source, gain });
    }
    bus.connect(context.destination);
    return { bus, voices, start, offset, seam: 0 };
  }

  get playing() {
    return this.batch !== null;
  }

  get position() {
    if (!this.batch) return this.at;
    const late = this.context.outputLatency || 0;
    const at = this.batch.offset + Math.max(0, this.context.currentTime - late - this.batch.start);
    if (!this.loop || at < this.loop[1]) return Math.min(at, this.data.seconds);
    return this.loop[0] + ((at - this.loop[0]) % (this.loop[1] - this.loop[0]));
  }

  async play(choice = this.choice) {
    this.choice = choice;
    await this.load(this.data.main);
    await this.context.resume();
    if (this.loop && (this.at < this.loop[0] || this.at >= this.loop[1])) this.at = this.loop[0];
    if (this.at >= this.data.seconds) this.at = 0;
    this.release();
    const start = this.context.currentTime + AHEAD_S, batch = this.wire(this.context, start, this.at);
    batch.bus.gain.setValueAtTime(0, start);
    batch.bus.gain.linearRampToValueAtTime(1, start + RAMP_S);
    batch.longest = [...batch.voices.values()].reduce((a, b) => (b.source.buffer.length > a.source.buffer.length ? b : a));
    batch.longest.source.onended = () => this.batch === batch && this.pause(0);
    this.batch = batch;
    this.timer ??= setInterval(() => this.closeLoop(), 40);
    this.heard();
  }

  pause(at = this.position) {
    this.release();
    this.at = at;
    this.batch = null;
    this.heard();
  }

  // Let what plays die away.
  release() {
    clearInterval(this.timer);
    this.timer = undefined;
    if (!this.batch) return;
    const now = this.context.currentTime, { bus, voices } = this.batch;
    bus.gain.cancelScheduledValues(now);
    bus.gain.setTargetAtTime(0, now, RAMP_S / 3);
    for (const { source } of voices.values()) source.stop(now + 4 * RAMP_S);
  }

  // A loop jumps from its end to its beginning: it is faded across the jump.
  closeLoop() {
    const { batch, loop } = this, now = this.context.currentTime;
    if (!batch || !loop) return;
    const length = loop[1] - loop[0], first = batch.start + loop[1] - batch.offset;
    const seam = first + Math.max(0, Math.ceil((now + RAMP_S - first) / length)) * length;
    if (seam - now > 0.2 || seam <= batch.seam + length / 2) return;
    batch.seam = seam;
    batch.bus.gain.setValueAtTime(1, seam - RAMP_S);
    batch.bus.gain.linearRampToValueAtTime(0, seam);
    batch.bus.gain.linearRampToValueAtTime(1, seam + RAMP_S);
  }

  async again() {
    if (this.playing) return this.play();
    this.heard();
  }

  seek(at) {
    if (this.loop && (at < this.loop[0] || at >= this.loop[1])) this.loop = null;
    const to = Math.max(0, Math.min(at, this.data.seconds - 0.01));
    if (this.playing) this.release();
    this.at = to;
    return this.again();
  }

  setLoop(from, to) {
    const at = this.position;
    const [a, b] = [Math.max(0, Math.min(from, to)), Math.min(this.data.seconds, Math.max(from, to))];
    this.loop = from === null || b - a < SHORTEST_LOOP_S ? null : [a, b];
    this.at = this.loop && (at < a || at >= b) ? a : at;
    return this.again();
  }

  // Hear another sound: at once, without a click, at the same place.
  async select(choice) {
    this.choice = choice;
    const needed = choice === "difference" ? [] : [choice];
    if (needed.some((id) => !this.buffers.has(id)) && this.playing) {
      await this.load(needed);
      this.at = this.position;
      return this.play();
    }
    await this.load(needed.filter((id) => !this.data.main.includes(id)));
    this.mix();
  }

  mix() {
    if (this.batch) {
      const levels = this.levels(), now = this.context.currentTime;
      for (const [id, { gain }] of this.batch.voices) {
        gain.gain.cancelScheduledValues(now);
        gain.gain.setValueAtTime(gain.gain.value, now);
        gain.gain.linearRampToValueAtTime(levels.get(id) ?? 0, now + RAMP_S);
      }
    }
    this.heard();
  }
}
