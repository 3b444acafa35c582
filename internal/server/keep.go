package server

import "time"

// Keep says how far back a stream reaches; all of those that have none of their own when Stream is "".
type Keep struct {
	Stream string
	Time   time.Duration
}

// String returns it as an operator writes it.
func (k Keep) String() string {
	if k.Stream == "" {
		return k.Time.String()
	}
	return k.Stream + "=" + k.Time.String()
}

// kept is Config.Keep for the heart, which knows those of all streams by broadcast.EveryOther.
func (c Config) kept() map[string]time.Duration {
	kept := make(map[string]time.Duration, len(c.Keep))
	for _, k := range c.Keep {
		kept[k.Stream] = k.Time
	}
	return kept
}
