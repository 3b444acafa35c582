// Package ntp converts times to and from the timestamps of the Network Time Protocol, which
// RTCP and RTP header extensions carry: seconds since 1900 in units of 2^-32 s (RFC 5905
// section 6).
package ntp

import "time"

// epoch is how many seconds NTP's era began before Unix's.
const epoch = 2_208_988_800

// Timestamp returns a time as a timestamp.
func Timestamp(t time.Time) uint64 {
	nanos := t.UnixNano()
	seconds := uint64(nanos/1e9) + epoch
	return seconds<<32 | uint64(nanos%1e9)<<32/1e9
}

// Time returns a timestamp as a time, exact to a nanosecond.
func Time(timestamp uint64) time.Time {
	fraction := (timestamp & 0xffffffff) * uint64(time.Second) >> 32
	return time.Unix(int64(timestamp>>32)-epoch, int64(fraction)) //nolint:gosec // both fit
}
