// A WHIP or WHEP client made of libdatachannel, the library inside OBS.
//
//   node libdatachannel.mjs publish URL FRAMES    H.264 in FRAMES: length (4 bytes), Annex B, and so on
//   node libdatachannel.mjs watch URL
//
// With "relay" as the last argument, media goes through a TURN server only, over UDP: the first one
// that the server names in the Link headers of an OPTIONS.
//
// Like OBS it posts an offer without candidates, takes the answer, and never sends a PATCH. It
// prints one JSON object a line about what happens, and ends, with a DELETE, when its standard
// input does. LIBDATACHANNEL is the directory of scripts/node-datachannel.sh.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const dc = createRequire(`${process.env.LIBDATACHANNEL}/package.json`)('node-datachannel');
const [what, url, framesFile] = process.argv.slice(2);
const H264 = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1';

const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const timers = [];

function frames() {
  const file = readFileSync(framesFile);
  const list = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32BE(at);
    list.push(file.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return list;
}

/** Sends something `perSecond` times a second, by the clock and not by the timers. */
function steadily(perSecond, send) {
  const begin = performance.now();
  let sent = 0;
  timers.push(setInterval(() => {
    for (const due = ((performance.now() - begin) / 1000) * perSecond; sent < due; sent++) send(sent);
  }, 5));
}

function publish(pc) {
  const audio = new dc.Audio('0', 'SendOnly');
  audio.addOpusCodec(111);
  audio.addSSRC(1001, 'obs', 'obs', 'obs-audio');
  const video = new dc.Video('1', 'SendOnly');
  video.addH264Codec(96, H264);
  video.addSSRC(1002, 'obs', 'obs', 'obs-video');

  const soundTrack = pc.addTrack(audio);
  const sound = new dc.RtpPacketizationConfig(1001, 'obs', 111, 48000);
  const opus = new dc.RtpPacketizer(sound);
  opus.addToChain(new dc.RtcpSrReporter(sound));
  soundTrack.setMediaHandler(opus);

  const pictureTrack = pc.addTrack(video);
  const picture = new dc.RtpPacketizationConfig(1002, 'obs', 96, 90000);
  const h264 = new dc.H264RtpPacketizer('StartSequence', picture, 1180);
  h264.addToChain(new dc.RtcpSrReporter(picture));
  h264.addToChain(new dc.RtcpNackResponder());
  pictureTrack.setMediaHandler(h264);

  const list = frames();
  pictureTrack.onOpen(() => {
    say('sending');
    steadily(30, (n) => {
      picture.timestamp = (n * 3000) >>> 0;
      pictureTrack.sendMessageBinary(list[n % list.length]);
    });
    steadily(50, (n) => {
      sound.timestamp = (n * 960) >>> 0;
      soundTrack.sendMessageBinary(Buffer.from([0xf8, 0xff, 0xfe])); // silence
    });
  });
}

const tracks = []; // kept, or they are collected with their handlers

function watch(pc) {
  const received = { audio: 0, video: 0 };
  for (const media of [new dc.Audio('0', 'RecvOnly'), new dc.Video('1', 'RecvOnly')]) {
    const kind = media instanceof dc.Video ? 'video' : 'audio';
    if (kind === 'video') media.addH264Codec(96, H264);
    else media.addOpusCodec(111);
    const track = pc.addTrack(media);
    track.setMediaHandler(new dc.RtcpReceivingSession());
    track.onMessage(() => { received[kind]++; });
    tracks.push(track);
  }
  timers.push(setInterval(() => say('received', received), 200));
}

/** The TURN server that is named first, in the words of libdatachannel. */
async function turnServer() {
  const links = (await fetch(url, { method: 'OPTIONS' })).headers.get('Link') ?? '';
  const link = /<turn:([^:>]+):(\d+)\?transport=udp>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"/.exec(links);
  const [, hostname, port, username, password] = link;
  return { hostname, port: Number(port), username, password, relayType: 'TurnUdp' };
}

const relayed = process.argv.at(-1) === 'relay';
const pc = new dc.PeerConnection(what, {
  iceServers: relayed ? [await turnServer()] : [], iceTransportPolicy: relayed ? 'relay' : 'all',
  bindAddress: '127.0.0.1', disableAutoNegotiation: true, forceMediaTransport: true,
});
let session;
let posted = false;
pc.onStateChange((state) => say(state));
pc.onLocalDescription(async (sdp, type) => {
  if (posted) return;
  posted = true;
  const offer = sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, '');
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: offer });
  const body = await response.text();
  say('posted', { type, status: response.status, body });
  if (response.status !== 201) return;
  session = new URL(response.headers.get('Location'), url);
  pc.setRemoteDescription(body, 'answer');
});
if (what === 'publish') publish(pc);
else watch(pc);
pc.setLocalDescription('offer');

process.stdin.resume();
process.stdin.on('end', async () => {
  timers.forEach(clearInterval);
  pc.close(); // OBS closes first, too
  const response = session && await fetch(session, { method: 'DELETE' });
  say('deleted', { status: response?.status });
  dc.cleanup();
});
