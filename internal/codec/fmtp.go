package codec

import (
	"encoding/base64"
	"strings"
)

// Parameter returns one of the "name=value" pairs of the format parameters; the
// last one counts when it is repeated, because that is how pion reads it.
func (c Codec) Parameter(name string) (value string, ok bool) {
	for param := range strings.SplitSeq(c.Fmtp, ";") {
		key, v, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(key, name) {
			value, ok = v, true
		}
	}
	return value, ok
}

// ParameterOr returns a parameter, or what it means to leave it out.
func (c Codec) ParameterOr(name, fallback string) string {
	if value, ok := c.Parameter(name); ok {
		return value
	}
	return fallback
}

// WithParameter returns the codec with this value, and no other, of a parameter.
func (c Codec) WithParameter(name, value string) Codec {
	var parts []string
	for part := range strings.SplitSeq(c.Fmtp, ";") {
		part = strings.TrimSpace(part)
		if key, _, _ := strings.Cut(part, "="); part != "" && !strings.EqualFold(key, name) {
			parts = append(parts, part)
		}
	}
	c.Fmtp = strings.Join(append(parts, name+"="+value), ";")
	return c
}

const (
	// MaxParameterSet is how large a parameter set may be that is kept, in bytes; real ones
	// have less than a hundred.
	MaxParameterSet = 1024
	maxOfferedSets  = 10
)

// OfferedSets returns the parameter sets in the format parameters of an offer: those of
// sprop-parameter-sets (RFC 6184 section 8.1), sprop-vps, sprop-sps and sprop-pps (RFC
// 7798 section 7.1). What cannot be read is left out.
func (c Codec) OfferedSets() (sets [][]byte) {
	for parameter := range strings.SplitSeq(c.Fmtp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch strings.ToLower(name) {
		case "sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps":
		default:
			continue
		}
		for text := range strings.SplitSeq(value, ",") {
			nal, err := base64.StdEncoding.DecodeString(text)
			if err == nil && len(nal) > 0 && len(nal) <= MaxParameterSet && len(sets) < maxOfferedSets {
				sets = append(sets, nal)
			}
		}
	}
	return sets
}
