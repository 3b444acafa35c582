package pace

// Budget is a bucket of what a viewer may make us do beyond sending it the stream: it
// fills with time and never beyond its burst. The zero value is full. What does not
// fit is not done later: a viewer that needs it asks again.
type Budget struct {
	spent float64 // below full
	at    int64   // when that was right
}

// Take takes cost from the bucket, or nothing when it is more than what is there.
func (b *Budget) Take(now int64, cost, perSecond, burst float64) (ok bool) {
	b.spent = max(b.spent-float64(now-b.at)/1e9*perSecond, 0)
	b.at = now
	if b.spent+cost > burst {
		return false
	}
	b.spent += cost
	return true
}
