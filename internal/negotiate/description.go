package negotiate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// Attributes that pion/sdp has no name for.
const (
	attrBundleOnly  = "bundle-only"
	attrFingerprint = "fingerprint"
	attrFmtp        = "fmtp"
	attrICEPwd      = "ice-pwd"
	attrICEUfrag    = "ice-ufrag"
	attrRID         = "rid"
	attrRTCP        = "rtcp"
	attrRTCPFb      = "rtcp-fb"
	attrRTCPMuxOnly = "rtcp-mux-only"
	attrRtpmap      = "rtpmap"
	attrSimulcast   = "simulcast"
)

// Values of the direction attribute, each of which is an attribute of its own.
const (
	dirSendRecv = sdp.AttrKeySendRecv
	dirSendOnly = sdp.AttrKeySendOnly
	dirRecvOnly = sdp.AttrKeyRecvOnly
	dirInactive = sdp.AttrKeyInactive
)

// Where there is only one choice, port 9 ("discard") and the unspecified address
// stand for a transport that ICE will find (RFC 8839 section 4.3.1.1).
const discardPort = 9

var errTruncated = errors.New("it ends before the t= line")

// parseDescription reads a session description, tolerating what clients get
// wrong without consequences: bare LF, no newline at the end, trailing blanks.
// Lines that say nothing to a WebRTC endpoint (b=, i=, k= and so on) are left
// out, because pion/sdp refuses whole descriptions over their values. Its errors
// wrap nothing: whether it is the client's fault is for the caller to say.
func parseDescription(body []byte) (*sdp.SessionDescription, error) {
	var text strings.Builder
	err := eachLine(body, func(kind byte, value string) error {
		if strings.IndexByte("vostcma", kind) >= 0 {
			fmt.Fprintf(&text, "%c=%s\r\n", kind, value)
		}

		return nil
	})
	if err != nil {
		return nil, err
	}

	desc := new(sdp.SessionDescription)
	if err := desc.UnmarshalString(text.String()); err != nil {
		return nil, err
	}
	// The parser takes an early end for a good one.
	if len(desc.TimeDescriptions) == 0 {
		return nil, errTruncated
	}

	return desc, nil
}

// eachLine calls do for every non-empty line of an SDP body and fails on the
// first line that is not of the form x=value.
func eachLine(body []byte, do func(kind byte, value string) error) error {
	empty := true
	number := 0
	for line := range strings.SplitSeq(string(body), "\n") {
		number++
		line = strings.TrimRight(line, " \t\r")
		if line == "" {
			continue
		}
		empty = false
		if len(line) < 2 || line[1] != '=' || strings.ContainsFunc(line, isControl) {
			return fmt.Errorf("line %d, %q, is not of the form x=value", number, clip(line))
		}
		if err := do(line[0], line[2:]); err != nil {
			return err
		}
	}
	if empty {
		return errors.New("the body is empty")
	}

	return nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// clip keeps what a stranger sent from flooding an error text.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}

	return strings.ToValidUTF8(s[:most], "") + "…"
}

// lookup returns the trimmed value of the first attribute named key.
func lookup(attrs []sdp.Attribute, key string) (string, bool) {
	i := slices.IndexFunc(attrs, func(a sdp.Attribute) bool { return a.Key == key })
	if i < 0 {
		return "", false
	}

	return strings.TrimSpace(attrs[i].Value), true
}

func has(attrs []sdp.Attribute, key string) bool {
	_, ok := lookup(attrs, key)

	return ok
}

// values returns the trimmed values of all attributes named key.
func values(attrs []sdp.Attribute, key string) []string {
	var found []string
	for _, a := range attrs {
		if a.Key == key {
			found = append(found, strings.TrimSpace(a.Value))
		}
	}

	return found
}

// without returns attrs less those named by keys. The argument stays as it is.
func without(attrs []sdp.Attribute, keys ...string) []sdp.Attribute {
	return keep(attrs, func(a sdp.Attribute) bool { return !slices.Contains(keys, a.Key) })
}

// keep returns the attributes that want accepts, in order. The argument stays as it is.
func keep(attrs []sdp.Attribute, want func(sdp.Attribute) bool) []sdp.Attribute {
	kept := make([]sdp.Attribute, 0, len(attrs))
	for _, a := range attrs {
		if want(a) {
			kept = append(kept, a)
		}
	}

	return kept
}

// replace puts an attribute where the first of the named ones was, or at the
// end, and removes the others.
func replace(attrs []sdp.Attribute, with sdp.Attribute, keys ...string) []sdp.Attribute {
	replaced := make([]sdp.Attribute, 0, len(attrs)+1)
	done := false
	for _, a := range attrs {
		if !slices.Contains(keys, a.Key) {
			replaced = append(replaced, a)
		} else if !done {
			replaced = append(replaced, with)
			done = true
		}
	}
	if !done {
		replaced = append(replaced, with)
	}

	return replaced
}

// set gives the attribute one value and one place.
func set(attrs []sdp.Attribute, key, value string) []sdp.Attribute {
	return replace(attrs, sdp.NewAttribute(key, value), key)
}

func unspecifiedAddress() *sdp.ConnectionInformation {
	return &sdp.ConnectionInformation{
		NetworkType: "IN",
		AddressType: "IP4",
		Address:     &sdp.Address{Address: "0.0.0.0"},
	}
}
