//go:build !linux

package v4l2

import (
	"context"
	"errors"
)

// notices are not asked for on this system: watching looks again and again.
type notices struct{}

func openNotices(Dir) (*notices, error) { return nil, errors.ErrUnsupported }

func (*notices) run(context.Context, func()) error { return errors.ErrUnsupported }
