package program

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// maxLine is how much of a line is kept, in bytes.
const maxLine = 200

// lastLine keeps the last line that a program writes to its standard error, without what may be secret. Any goroutine may use it.
type lastLine struct {
	mu   sync.Mutex
	line []byte // that is not at its end
	long bool   // it was cut, and its rest is dropped
	last string
}

// Write is for the program. It does not fail.
func (l *lastLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(b)
	for {
		end := bytes.IndexAny(b, "\r\n")
		part := b
		if end >= 0 {
			part = b[:end]
		}
		// A line is cut by this room for secrets: one that is cut in the middle would not be known as one.
		room := max(4*maxLine-len(l.line), 0)
		l.long = l.long || len(part) > room
		l.line = append(l.line, part[:min(len(part), room)]...)
		if end < 0 {
			return n, nil
		}
		l.flush()
		b = b[end+1:]
	}
}

func (l *lastLine) flush() {
	if text := clean(string(l.line), l.long); text != "" {
		l.last = text
	}
	l.line, l.long = l.line[:0], false
}

// String is the last line; empty: there was none.
func (l *lastLine) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return l.last
}

var (
	userinfo = regexp.MustCompile(`://[^/\s]*@`)
	secrets  = regexp.MustCompile(`(?i)((?:pass(?:word|wd)?|token|secret|key|auth(?:orization)?)["']?\s*[=:]\s*)(?:(?:basic|bearer|digest)\s+)?[^\s&]+`)
)

// clean hides user names and passwords of URLs and values that are called secret, and what a terminal would act on.
func clean(line string, cut bool) string {
	if last := strings.LastIndexAny(line, " \t"); cut {
		line = line[:max(last, 0)] // the word that was cut may be half a secret
	}
	line = userinfo.ReplaceAllString(line, "://***@")
	line = secrets.ReplaceAllString(line, "${1}***")
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, ""))
	return strings.ToValidUTF8(strings.TrimSpace(line)[:min(len(strings.TrimSpace(line)), maxLine)], "")
}
