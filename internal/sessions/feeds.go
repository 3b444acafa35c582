package sessions

import (
	"crypto/subtle"
	"sync"
)

// maxFeeds is how many feeds a session can have. A player needs one.
const maxFeeds = 4

// Feeds are the streams of events of one session. The zero value has none.
type Feeds struct {
	mu   sync.Mutex
	byID map[string]*Feed
}

// Feed is one of them: which events somebody wants, and who reads them.
type Feed struct {
	// Set before the feed can be found, read-only afterwards.
	id     string
	events []string
	done   chan struct{} // closed by Remove

	mu sync.Mutex
	// reader is closed when another reader comes: a player whose connection broke
	// is back before we know, and must not be kept out by itself. nil: nobody reads.
	reader chan struct{}
	leave  func() // gives the reader's place back, which the next one takes over
}

// Add makes a feed of the named events, if there is room for one more: ErrTooManyFeeds.
func (f *Feeds) Add(events []string) (*Feed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.byID) >= maxFeeds {
		return nil, ErrTooManyFeeds
	}
	if f.byID == nil {
		f.byID = make(map[string]*Feed)
	}
	added := &Feed{id: NewID(), events: events, done: make(chan struct{})}
	f.byID[added.id] = added
	return added, nil
}

// Find returns a feed, or ErrNoFeed. Ids are credentials, so they are compared in constant time.
func (f *Feeds) Find(id string) (*Feed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for known, feed := range f.byID {
		if subtle.ConstantTimeCompare([]byte(known), []byte(id)) == 1 {
			return feed, nil
		}
	}
	return nil, ErrNoFeed
}

// Remove ends a feed and whoever reads it. It returns ErrNoFeed when there is none with the id.
func (f *Feeds) Remove(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	feed := f.byID[id]
	if feed == nil {
		return ErrNoFeed
	}
	delete(f.byID, id)
	close(feed.done)
	return nil
}

// ID is what the feed is found by. It is a credential.
func (f *Feed) ID() string { return f.id }

// Events are the names of those that are wanted.
func (f *Feed) Events() []string { return f.events }

// Done is closed when the feed was removed.
func (f *Feed) Done() <-chan struct{} { return f.done }

// Read makes the caller the reader, in the place of the one before or in one that enter
// makes. It returns what tells that another one came, and what is to be called at the end.
func (f *Feed) Read(enter func() (leave func(), err error)) (replaced <-chan struct{}, end func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reader != nil {
		close(f.reader)
	} else if f.leave, err = enter(); err != nil {
		return nil, nil, err
	}
	mine := make(chan struct{})
	f.reader = mine
	return mine, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.reader == mine {
			f.leave()
			f.reader, f.leave = nil, nil
		}
	}, nil
}
