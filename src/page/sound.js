// A short tone for what is meant for the user. Loaded when it is first needed.

const LASTS = 0.4;
const VOLUME = 0.15;

let context = null;

export function chime() {
  context ??= new AudioContext();
  const now = context.currentTime;
  const tone = new OscillatorNode(context, { frequency: 660 });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0.001, now);
  volume.gain.exponentialRampToValueAtTime(VOLUME, now + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, now + LASTS);
  tone.connect(volume).connect(context.destination);
  tone.start(now);
  tone.stop(now + LASTS);
}
