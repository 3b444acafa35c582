package v4l2

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"porthole/capture/source"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/panics"
	"porthole/internal/sourceinfo"
)

// controls are those of one camera: what they are, and what they are kept at, however often the camera comes back. They are asked through
// an opening of the node of their own, whether the camera streams or not; that turns no light on.
type controls struct {
	log  *slog.Logger
	open func() (Node, error) // the camera's node, which the caller closes

	turn chan struct{} // one slot: one asks at a time
	wait sync.WaitGroup

	mu   sync.Mutex
	kept map[string]string // guarded by mu; by name
}

func newControls(wanted source.Controls, open func() (Node, error), log *slog.Logger) *controls {
	c := &controls{log: log, open: open, turn: make(chan struct{}, 1), kept: make(map[string]string)}
	for _, s := range wanted.Settings() {
		c.kept[plainName(s.Name)] = s.Value
	}
	return c
}

// askWithin bounds how long a camera is waited for. One that hangs lets nobody else ask, and nobody else wait.
const askWithin = 5 * time.Second

// ask calls f with the camera's node, and waits until that or ctx is over. The error is f's, ctx's, or that there is no camera (ErrAway).
func (c *controls) ask(ctx context.Context, f func(Node) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askWithin, fmt.Errorf("%w: it does not answer within %v", sourceinfo.ErrAway, askWithin))
	defer cancel()
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	done := make(chan error, 1) // one slot: perhaps nobody waits any more
	c.wait.Go(func() {
		defer func() { <-c.turn }()
		done <- panics.AsError(c.log, "a camera's driver", func() error {
			node, err := c.open()
			if err != nil {
				return fmt.Errorf("%w: %w", sourceinfo.ErrAway, err)
			}
			defer node.Close()
			return f(node)
		})
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// list asks the camera for its controls.
func (c *controls) list(ctx context.Context) (infos []sourceinfo.Control, err error) {
	err = c.ask(ctx, func(node Node) error {
		all, err := node.Controls()
		if err != nil {
			return fmt.Errorf("%w: %w", sourceinfo.ErrAway, err)
		}
		infos = []sourceinfo.Control{}
		kept := c.settings()
		for _, n := range named(all) {
			info := n.info()
			info.Kept = kept[n.name]
			infos = append(infos, info)
		}
		return nil
	})
	return infos, err
}

// change sets controls, and keeps them so. It is all or nothing, as far as can be told before the camera is asked.
func (c *controls) change(ctx context.Context, changes map[string]sourceinfo.Value) error {
	return c.ask(ctx, func(node Node) error {
		all, err := node.Controls()
		if err != nil {
			return fmt.Errorf("%w: %w", sourceinfo.ErrAway, err)
		}
		wanted := make(map[string]string)
		for name, value := range changes {
			wanted[plainName(name)] = string(value)
		}
		steps, err := stepsTo(named(all), wanted)
		if err != nil {
			return fmt.Errorf("%w: %w", sourceinfo.ErrInvalid, err)
		}
		for _, s := range steps {
			if !s.idle {
				if err := node.Set(s.control.ID, s.value); err != nil {
					return fmt.Errorf("%w: %w", sourceinfo.ErrInvalid, err)
				}
			}
			c.keep(s)
		}
		return nil
	})
}

// keep notes what was set. What only was as it is because of another control is not kept beside that.
func (c *controls) keep(s step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.implied || s.control.Kind == videodev.Button {
		return
	}
	if s.text == string(sourceinfo.Default) {
		delete(c.kept, s.name)
	} else {
		c.kept[s.name] = s.text
	}
	for manual, automatic := range automatics() {
		switch s.name {
		case manual:
			delete(c.kept, automatic)
		case automatic:
			if s.value != s.manual() {
				delete(c.kept, manual)
			}
		}
	}
}

// settings copies what is kept.
func (c *controls) settings() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.kept)
}

// spec is what is kept, as a spec says it.
func (c *controls) spec() source.Controls {
	var list []source.Setting
	for name, value := range c.settings() {
		list = append(list, source.Setting{Name: name, Value: value})
	}
	return source.MakeControls(list)
}

// apply sets what is kept on a node that was opened. What cannot be set is told, and pictures come all the same.
func (c *controls) apply(node Node) {
	kept := c.settings()
	if len(kept) == 0 {
		return
	}
	all, err := node.Controls()
	if err != nil {
		c.log.Warn("the camera's controls cannot be set", "error", err)
		return
	}
	have := named(all)
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if _, err := stepsTo(have, map[string]string{name: kept[name]}); err != nil {
			c.log.Warn("a control of the camera cannot be set", "error", err)
			delete(kept, name)
		}
	}
	steps, err := stepsTo(have, kept)
	if err != nil {
		return // what is wrong with one was told
	}
	for _, s := range steps {
		if s.idle {
			continue
		}
		if err := node.Set(s.control.ID, s.value); err != nil {
			c.log.Warn("a control of the camera cannot be set", "control", s.name, "error", err)
		}
	}
}

// checkControls says what is wrong with what a spec wants of a camera.
func checkControls(node Node, wanted source.Controls) error {
	settings := wanted.Settings()
	if len(settings) == 0 {
		return nil
	}
	all, err := node.Controls()
	if err != nil {
		return err
	}
	texts := make(map[string]string)
	for _, s := range settings {
		texts[plainName(s.Name)] = s.Value
	}
	_, err = stepsTo(named(all), texts)
	return err
}
