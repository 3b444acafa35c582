// Runs before a page's own scripts and answers for the server: what a page looks like
// in states that are hard to bring about all at once. __demoStreams and __demoSessions
// are set before it.
(() => {
  const real = window.fetch;
  const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
  const video = { kind: "video", codec: "H264", width: 1920, height: 1080, fps: 30, bitrate: 4_200_000 };
  const audio = { kind: "audio", codec: "opus" };
  const seldom = { code: "keyframe_interval", interval: 8.3, sentence: "A lost packet can freeze the video for seconds: keyframes come 8.3 s apart, even when asked for one.",
    obs: "Output, Keyframe Interval: 2 s (0 is automatic: up to 250 pictures)", ffmpeg: "-g 60 at 30 pictures a second: one every 2 s" };
  const profile = { code: "profile", profile: "High", rid: "h", sentence: "Some browsers refuse this stream: it is H.264 High, and Firefox and others play Constrained Baseline only.",
    obs: "Output, Profile: baseline", ffmpeg: "-profile:v baseline -pix_fmt yuv420p" };
  const streams = [
    { name: "a", live: true, state: "live", source: "whip", viewers: 0, since: minutesAgo(0), tracks: [audio] },
    { name: "door-camera", live: false, state: "standby", source: "camera", sourceState: "camera off while nobody watches", viewers: 0, tracks: [] },
    { name: "lecture-hall-4", live: true, state: "fallback", fallback: "pause-picture", source: "slate", viewers: 12, since: minutesAgo(75), tracks: [video] },
    { name: "the_longest_name_that_a_stream_can_have_in_porthole_0123456789ab", live: true, state: "live", source: "whip", viewers: 1843, since: minutesAgo(60 * 53), tracks: [video, audio], warnings: [seldom, profile] },
    { name: "workshop", live: false, state: "waiting", source: "camera", sourceState: "camera unplugged", viewers: 2, tracks: [] },
  ];
  const sessions = [
    { id: "9pXh2LkQ0aVt3mZr", protocol: "whip", stream: "lecture-hall-4", state: "connected", since: minutesAgo(75), client: "192.168.1.20", path: "udp", code: "ok", packets: 1834201, bytes: 1_980_000_000, drops: 0, rttMs: 3.2, warnings: [seldom] },
    { id: "aa", protocol: "whep", stream: "the_longest_name_that_a_stream_can_have_in_porthole_0123456789ab", state: "interrupted", since: minutesAgo(12), client: "2001:db8:85a3:8d3:1319:8a2e:370:7348", path: "relay", code: "slow_ice", diagnosis: "Connected after 4.2 s: the checks took long to get through, most likely because UDP is blocked and the way was found by TCP.", packets: 92810, bytes: 101_000_000, loss: 0.021, drops: 311, rttMs: 184.4 },
    { id: "bb", protocol: "whep", stream: "a", state: "closed", since: minutesAgo(4), ended: minutesAgo(3), client: "203.0.113.9", code: "udp_and_tcp_blocked", diagnosis: "Neither UDP nor TCP arrived from the client: a firewall in between blocks port 8081. Open it, or give clients a TURN server with --turn.", packets: 0, bytes: 0, drops: 0 },
  ];
  const answer = (events, list) => new Response(new ReadableStream({
    start(controller) {
      const encoder = new TextEncoder();
      for (const [type, data] of list) controller.enqueue(encoder.encode(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`));
    },
  }), { headers: { "Content-Type": "text/event-stream" } });
  window.fetch = (input, init) => {
    const url = new URL(typeof input === "string" ? input : (input.url ?? input.href), document.baseURI);
    const shownStreams = { streams: window.__demoStreams === "none" ? [] : streams };
    if (url.pathname.endsWith("/api/events")) {
      const list = [["streams", shownStreams]];
      if (url.searchParams.has("sessions")) list.push(["sessions", { sessions }]);
      return Promise.resolve(answer("events", list));
    }
    if (url.pathname.includes("/whep/")) return Promise.reject(new TypeError("a stream of the demonstration"));
    return real(input, init);
  };
})();
