package diagnosis

import (
	"fmt"
	"strings"
	"time"
)

// seconds words a duration with one decimal, and a short one in milliseconds.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// connected judges a session whose media could flow.
func connected(f Facts) Verdict {
	if f.Unexpected.Packets >= strayPackets {
		return wrongPayloadType(f.Unexpected)
	}
	if !f.Over && f.Carries > 0 {
		return Verdict{NarrowPath, "the viewer's connection carries " + megabits(f.Carries) + " Mbit/s and the lowest picture needs " + megabits(f.Needs) +
			"; it gets sound and a picture now and then: a lower rung (ladder= in the source's URI, or simulcast) would help, or a better connection"}
	}
	if f.Over {
		switch {
		case f.End == "too_many_sources":
			return Verdict{TooManySSRCs, "the publisher sent media under more SSRCs than a session may have; " +
				"let it keep the SSRC of each track, and look for an encoder that starts again and again"}
		case f.End == "media_timeout" && f.Media == 0:
			return Verdict{NoMedia, "the publisher connected and sent no media for " + seconds(f.Idle) +
				"; look whether its camera or encoder runs, and whether it is paused"}
		case f.End == "media_timeout":
			return Verdict{MediaStopped, "the publisher stopped sending media for " + seconds(f.Idle) +
				" and sent no goodbye; it crashed, or its network went away"}
		case f.End == "ice_failed":
			return Verdict{ConnectionLost, "the connection was up and then nothing of the client arrived any more; " +
				"its network changed, it went to sleep, or it crashed: let it connect again"}
		}
	}
	return slow(f)
}

// megabits writes bits per second as Mbit/s.
func megabits(bits uint64) string { return fmt.Sprintf("%.2f", float64(bits)/1e6) }

// strayPackets is from how many packets on they are no accident.
const strayPackets = 10

func wrongPayloadType(u Unexpected) Verdict {
	return Verdict{WrongPayloadType, fmt.Sprintf("the publisher sends payload type %d (%d packets, dropped), but the answer agreed on %s; "+
		"let it send with the number of the answer, in GStreamer by pt= of the payloader", u.PayloadType, u.Packets, strings.Join(u.Agreed, " and "))}
}

// slow judges how long it took to connect.
func slow(f Facts) Verdict {
	tell := func(code Code, cause string) Verdict {
		return Verdict{code, "connected after " + seconds(f.Connected) + ": " + cause}
	}
	switch {
	case f.Connected < Slow && f.Publisher && f.Media-f.Connected >= Slow:
		return Verdict{SlowMedia, "the publisher sent its first media " + seconds(f.Media-f.Connected) +
			" after it had connected; its camera or encoder starts slowly"}
	case f.Connected < Slow:
		return Verdict{Code: OK}
	case f.Connected-f.ICE >= f.Connected/2:
		return tell(SlowDTLS, "ICE took "+seconds(f.ICE)+", but the DTLS handshake "+seconds(f.Connected-f.ICE)+
			"; packets of it were lost, or the client is short of processor time")
	case f.FirstCheck >= f.Connected/2:
		return tell(SlowChecks, "the client's first check arrived only after "+seconds(f.FirstCheck)+
			"; it was still looking for its own addresses: give it fewer STUN servers, or ones that answer")
	default:
		return tell(SlowICE, "checks took "+seconds(f.ICE)+" to get through"+triedInVain(f)+
			"; the network loses packets, or addresses that lead nowhere were tried first (--interfaces leaves out ours)")
	}
}

// triedInVain counts the pairs that led nowhere.
func triedInVain(f Facts) string {
	vain := 0
	for _, p := range f.Pairs {
		if p.Sent > 0 && p.Answered == 0 {
			vain++
		}
	}
	if vain == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of %d pairs of addresses led nowhere", vain, len(f.Pairs))
}

// handshake judges a session that had a path and got no keys.
func handshake(f Facts) Verdict {
	begin := "ICE connected in " + seconds(f.ICE) + ", but the DTLS handshake "
	because := func(code Code, cause string) Verdict { return Verdict{code, begin + cause} }
	switch {
	case f.WrongCertificate:
		return because(WrongCertificate, "failed: certificate mismatch: the client's certificate is not the one whose a=fingerprint is in its offer; "+
			"something on the way changed the offer, or the client reuses an old one")
	case strings.Contains(strings.ToLower(f.DTLSError), "alert"):
		return because(DTLSRefused, "was refused by the client ("+f.DTLSError+"); it read another a=fingerprint than our answer has, "+
			"or supports none of our ciphers")
	case f.End == "dtls_failed":
		detail := ""
		if f.DTLSError != "" {
			detail = " (" + f.DTLSError + ")"
		}
		return because(DTLSFailed, "failed"+detail+"; look whether the client supports DTLS 1.2 with SRTP")
	case packets(f) == 0:
		return because(DTLSSilent, "did not begin: not one packet of it came from the client; "+
			"its DTLS is stuck, or both sides wait for the other (a=setup)")
	default:
		return because(DTLSUnfinished, "did not finish: large packets are lost on the way; look at the MTU of VPNs and tunnels")
	}
}

func packets(f Facts) (n uint64) {
	for _, p := range f.Pairs {
		n += p.Packets
	}
	return n
}
