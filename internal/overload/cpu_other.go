//go:build !unix

package overload

import "time"

func processorTime() time.Duration { return 0 }

func fileLimit() int { return 0 }
