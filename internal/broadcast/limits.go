package broadcast

// SetLimits changes Config.MaxViewers and Config.MaxStreamViewers. Viewers who are there
// stay, even when they are more.
func (b *Broadcaster) SetLimits(viewers, streamViewers int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg.MaxViewers, b.cfg.MaxStreamViewers = viewers, streamViewers
}
