package broadcast

// EndPublisher ends a stream's publisher as its connection's end would.
func EndPublisher(b *Broadcaster, name string) error {
	b.mu.Lock()
	s := b.streams[name]
	b.mu.Unlock()
	if s == nil || s.publisher == nil {
		return ErrNoPublisher
	}
	s.publisher.Close(nil)
	return nil
}
