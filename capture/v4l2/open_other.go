//go:build !linux

package v4l2

import (
	"errors"
	"fmt"
)

// openNode needs Linux.
func openNode(path string) (Node, error) {
	return nil, fmt.Errorf("%s: cameras need Linux: %w", path, errors.ErrUnsupported)
}
