//go:build !linux

package program

import (
	"errors"
	"os/exec"
)

type process struct {
	done chan struct{}
	err  error
}

// start fails: only Linux ends a program for sure when this one ends.
func start(*exec.Cmd) (*process, error) {
	return nil, errors.New("exec: sources need Linux; elsewhere, let the program publish with WHIP")
}

func (*process) stop() {}
