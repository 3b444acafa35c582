//go:build !linux

package capture

import (
	"context"
	"errors"
)

// notices are not asked for on this system: watching looks again and again.
type notices struct{}

func openNotices(devices) (*notices, error) { return nil, errors.ErrUnsupported }

func (*notices) run(context.Context, func()) error { return errors.ErrUnsupported }
