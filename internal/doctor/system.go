package doctor

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// wantFiles is how many files a server should be able to open: each request, and each
// viewer over TCP, is one.
const wantFiles = 4096

// system looks at the limits of the process and at the clock.
func (c Config) system(context.Context) []Finding {
	return []Finding{judgeFiles(fileLimit()), judgeClock(time.Now(), builtAt(), clockState())}
}

// judgeFiles judges the limit of open files; 0 is not known.
func judgeFiles(limit uint64) Finding {
	f := Finding{Group: "system", Name: "open files", Found: "not known on this system"}
	if limit == 0 {
		return f
	}
	f.Found, f.Data = fmt.Sprintf("%d at a time", limit), map[string]any{"limit": limit}
	if limit < wantFiles {
		f.Verdict = Warn
		f.Cure = fmt.Sprintf("raise it to %d or more (ulimit -n, LimitNOFILE= in a unit): each request and each viewer over TCP is one", wantFiles)
	}
	return f
}

// clock is what the kernel knows about the clock.
type clock uint8

const (
	clockUnknown clock = iota
	clockFree          // nobody sets it
	clockSynced
)

// judgeClock judges the time of day, against that of the build and the kernel's word.
func judgeClock(now, built time.Time, state clock) Finding {
	f := Finding{
		Group: "system", Name: "clock", Found: now.UTC().Format("2006-01-02 15:04:05 UTC"),
		Data: map[string]any{"synchronised": state == clockSynced},
	}
	switch {
	case now.Before(built.Add(-24 * time.Hour)):
		f.Verdict = Fail
		f.Found += ", which is before this program was made: certificates and credentials that expire do not work"
		f.Cure = "set the clock (timedatectl set-ntp true)"
	case state == clockFree:
		f.Verdict = Warn
		f.Found += ", which nobody keeps right; credentials that expire and measured delays may be off"
		f.Cure = "let NTP set it (timedatectl set-ntp true)"
	case state == clockSynced:
		f.Found += ", synchronised"
	}
	return f
}

// builtAt returns when the program's source was committed; the zero Time when that is
// not known.
func builtAt() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			at, err := time.Parse(time.RFC3339, s.Value)
			if err == nil {
				return at
			}
		}
	}
	return time.Time{}
}
