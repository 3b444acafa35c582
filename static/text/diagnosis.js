// @ts-check
// What a Porthole server says in English, in Chinese: why a connection did not come about,
// by its code, and how its camera is. Pure.

/** @type {Record<string, string>} */
export const inChinese = {
  no_addresses: '浏览器没有提供任何网络地址。请检查隐私设置或扩展程序是否阻止了 WebRTC。',
  container_address: '浏览器只提供了容器内部的地址，服务器无法到达。',
  local_address: '浏览器只提供了本机地址，服务器无法到达。',
  server_container: '服务器只公布了容器内部的地址。管理员需要设置 --public-ip 或使用主机网络。',
  server_private: '服务器只公布了内网地址，而你在它的网络之外。管理员需要设置 --public-ip 或 TURN 服务器。',
  server_no_address: '服务器没有可用的网络地址。',
  symmetric_nat: '双方都在对称型 NAT 之后，并且没有中继服务器。管理员需要配置 TURN 服务器。',
  nat_no_relay: '双方都在 NAT 之后，并且没有中继服务器。管理员需要配置 TURN 服务器或转发端口。',
  relay_unused: '浏览器没有从中继服务器得到地址。中继服务器可能无法到达，或拒绝了用户名和密码。',
  relay_silent: '只能使用中继，但没有任何数据经由中继到达。',
  udp_blocked: '你的网络阻止了 UDP。请换一个网络，或请管理员开放 TCP。',
  udp_and_tcp_blocked: 'UDP 和 TCP 都没有到达服务器。可能有防火墙阻止了媒体端口。',
  mdns_only: '浏览器隐藏了自己的地址，并且没有数据到达服务器。可能有防火墙阻止了媒体端口。',
  one_way: '你的数据到达了服务器，但服务器的数据没有到达你。可能有防火墙阻止了返回的方向。',
  not_nominated: '已经找到路径，但浏览器没有选用。',
  dtls_silent: '路径已经找到，但加密握手没有开始。',
  dtls_unfinished: '加密握手没有及时完成，网络可能丢包严重。',
  certificate_mismatch: '浏览器的证书与它所声明的不一致。',
  dtls_refused: '浏览器拒绝了服务器的证书。',
  dtls_failed: '加密握手失败。',
  wrong_payload_type: '推流端发送的负载类型与服务器应答中约定的不一致，数据包已被丢弃。请修改推流端的负载类型。',
  too_many_ssrcs: '推流端使用了过多的 SSRC。请让推流端保持每个轨道的 SSRC 不变。',
  narrow_path: '观看者的网络承载不了最低画质，只能收到声音和偶尔的画面。',
  connection_lost: '连接中断：不再有数据到达。',
  no_answer: '没有及时回答服务器的连接请求。',
};

/** Sentences that lose too much without their numbers, as the server says them, and the same in Chinese. */
const numbered = /** @type {const} */ ([
  [
    /^the viewer's connection carries ([\d.]+) Mbit\/s and the lowest picture needs ([\d.]+);.*$/,
    '观看者的网络只能承载 $1 Mbit/s，而最低画质需要 $2 Mbit/s。',
  ],
  [
    /^the publisher sends payload type (\d+) \((\d+) packets, dropped\), but the answer agreed on (.+?);.*$/,
    '推流端发送的负载类型是 $1（已丢弃 $2 个数据包），但服务器应答中约定的是 $3。请让推流端使用应答中的编号。',
  ],
]);

/**
 * A diagnosis in Chinese.
 * @param {string | undefined} code @param {string | undefined} sentence
 * @returns {string | undefined} undefined where it is not known
 */
export function diagnosisInChinese(code, sentence) {
  const [pattern, chinese] = numbered.find(([known]) => known.test(sentence ?? '')) ?? [];
  if (pattern && chinese) return (sentence ?? '').replace(pattern, chinese).replaceAll(' and ', ' 和 ');
  return code ? inChinese[code] : undefined;
}

/** What a server says of its camera or of a publisher, as it says it, and the same in Chinese. */
const sources = /** @type {const} */ ([
  [/^the publisher has stopped sending$/, '推流者已停止发送'],
  [/^camera unplugged$/, '摄像头已拔出'],
  [/^camera off while nobody watches$/, '无人观看时摄像头关闭'],
  [/^(\w+) off while nobody watches$/, '无人观看时画面源关闭'],
  [/^(\w+) is starting$/, '画面源正在启动'],
  [/^camera in use by another program$/, '摄像头正被其他程序使用'],
  [/^camera in use by (.+)$/, '摄像头正被 $1 使用'],
  [/^no permission for the camera$/, '没有使用摄像头的权限'],
  [/^no permission for (.+)$/, '没有使用 $1 的权限'],
  [/^program failed: (.*)$/, '程序出错：$1'],
  [/^camera failed, trying again$/, '摄像头出错，正在重试'],
  [/^camera stalled, reopening$/, '摄像头没有画面，正在重新打开'],
  [/^encoder failed, starting again$/, '编码器出错，正在重新启动'],
  [/^waiting for the camera$/, '正在等待摄像头'],
  [/^(\w+) off while somebody else publishes$/, '另有人正在向此直播推流'],
]);

/** @param {string} text @returns {string} in Chinese, or as it is where it is not known */
export function sourceInChinese(text) {
  const [pattern, chinese] = sources.find(([known]) => known.test(text)) ?? [/$^/, ''];
  return chinese ? text.replace(pattern, chinese) : text;
}
