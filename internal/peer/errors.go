package peer

import (
	"errors"
	"fmt"

	"porthole/internal/panics"
	"porthole/internal/refusal"
)

// The reasons for which a session ends, as returned by Session.Serve and
// Session.Err. Test for them with errors.Is; the text may say more.
var (
	// ErrClosed: our side ended the session, by Session.Close without a reason,
	// by Engine.Close, or because the context given to Serve ended.
	ErrClosed = refusal.Stopping.New("session closed")
	// ErrRemoteClosed: the client said goodbye (DTLS close_notify, RFC 8827 6.5).
	ErrRemoteClosed = errors.New("closed by the client")
	// ErrNoAnswer: the client did not answer our offer within OfferConfig.Within.
	ErrNoAnswer = errors.New("no answer to our offer in time")
	// ErrICETimeout: the client never got through to us within Timeouts.Connect.
	ErrICETimeout = errors.New("no ICE connection in time")
	// ErrDTLSTimeout: ICE connected, but the DTLS handshake did not end within
	// Timeouts.Connect.
	ErrDTLSTimeout = errors.New("no DTLS handshake in time")
	// ErrICEFailed: the client was connected and stopped answering (RFC 7675).
	ErrICEFailed = errors.New("ICE connection lost")
	// ErrDTLSFailed: the handshake failed, for example because the certificate is
	// not the one whose fingerprint was in the offer.
	ErrDTLSFailed = errors.New("DTLS handshake failed")
	// ErrMediaTimeout: a publisher sent no packet for Timeouts.FirstMedia after
	// connecting, or neither packets nor reports for Timeouts.MediaIdle later.
	ErrMediaTimeout = errors.New("no media in time")
	// ErrTooManySources: a publisher sent media under more SSRCs than a session may have.
	ErrTooManySources = errors.New("too many SSRCs")
	// ErrSessionTimeout: the session lasted as long as Timeouts.Session allows.
	ErrSessionTimeout = errors.New("the session reached its time limit")
	// ErrPanic: code that ran for the session panicked, and only this session
	// ended.
	ErrPanic = errors.New("panic in session")
)

// Errors of calls that do not end a session.
var (
	// ErrNotConnected is returned by WriteRTP and WriteRTCP before the connection
	// is up and after it is gone. Nothing was sent.
	ErrNotConnected = refusal.Gone.New("session not connected")
	// ErrSilent is returned as it is by WriteRTP while nothing has come from the client
	// for Timeouts.ICEDisconnected: most likely it is gone, so that it is sent no media
	// for the rest of its consent. The packet was not taken, nor its number used.
	ErrSilent = errors.New("the client stopped sending")
	// ErrUnknownSSRC is returned by WriteRTP for an SSRC that is not one of
	// Session.Tracks. Nothing was sent.
	ErrUnknownSSRC = errors.New("unknown SSRC")
	// ErrICERestart is returned by Trickle for a fragment with other ICE
	// credentials than the client's current ones. The session goes on.
	ErrICERestart = refusal.Untimely.New("the candidates belong to another ICE session")
	// ErrAnswered is returned by Accept when there is no offer to answer any more.
	ErrAnswered = refusal.Untimely.New("there is no offer of ours to answer")
	// ErrNoRelay is returned by Receive and Send while clients may reach us through a
	// TURN server only, and none receives for us. It is tried again in the background.
	ErrNoRelay = refusal.Stopping.New("no TURN server receives for this server")
	// ErrServed is returned by Serve when it is called twice.
	ErrServed = errors.New("session is already served")
	// ErrConfig is wrapped by the errors of Listen that name a wrong setting.
	ErrConfig = errors.New("invalid media configuration")
)

// errWrongCertificate is a handshake's fault that has a name of its own, because
// people ask for it.
var errWrongCertificate = errors.New("the client's certificate is not the one of its offer")

// caught logs and counts a panic that was recovered in a session's goroutine, and
// returns what the session ends with. It is for deferred functions, whose stack
// still is that of the panic.
func (e *Engine) caught(value any, session string) error {
	panics.Log(e.settings.log, "a connection, which ends its session", value, "session", session)
	if e.settings.onPanic != nil {
		e.settings.onPanic()
	}
	return fmt.Errorf("%w: %v", ErrPanic, value)
}

// endReason is what a session's end is counted as: the label of a metric.
type endReason uint8

const (
	endClosed endReason = iota
	endRemoteClosed
	endICETimeout
	endDTLSTimeout
	endICEFailed
	endDTLSFailed
	endMediaTimeout
	endPanic
	endNoAnswer
	endSessionTimeout
	endTooManySources
	endOther // the reason came from a caller: Close, OnTrack or a PacketWriter
	endReasons
)

func (r endReason) String() string {
	return [endReasons]string{
		"closed", "remote_closed", "ice_timeout", "dtls_timeout", "ice_failed", "dtls_failed", "media_timeout", "panic", "no_answer", "session_timeout", "too_many_sources", "other",
	}[r]
}

func endReasonOf(err error) endReason {
	sentinels := [...]error{
		endClosed:         ErrClosed,
		endRemoteClosed:   ErrRemoteClosed,
		endICETimeout:     ErrICETimeout,
		endDTLSTimeout:    ErrDTLSTimeout,
		endICEFailed:      ErrICEFailed,
		endDTLSFailed:     ErrDTLSFailed,
		endMediaTimeout:   ErrMediaTimeout,
		endPanic:          ErrPanic,
		endNoAnswer:       ErrNoAnswer,
		endSessionTimeout: ErrSessionTimeout,
		endTooManySources: ErrTooManySources,
	}
	for reason, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return endReason(reason) // an index below endReasons
		}
	}
	return endOther
}
