package server

import (
	"context"

	"porthole/capture"
	"porthole/internal/api"
	"porthole/internal/sourceinfo"
)

// sourcesOf lets the API tell of the sources, and change them.
func sourcesOf(sources []*capture.Source) api.Sources {
	find := func(name string) (*capture.Source, error) {
		for _, s := range sources {
			if s.Name() == name {
				return s, nil
			}
		}
		return nil, sourceinfo.ErrNoSource
	}
	return api.Sources{
		List: func() []sourceinfo.Source {
			list := []sourceinfo.Source{}
			for _, s := range sources {
				list = append(list, s.Brief())
			}
			return list
		},
		Info: func(ctx context.Context, name string) (sourceinfo.Source, error) {
			s, err := find(name)
			if err != nil {
				return sourceinfo.Source{}, err
			}
			return s.Info(ctx), nil
		},
		Change: func(ctx context.Context, name string, change sourceinfo.Change) error {
			s, err := find(name)
			if err != nil {
				return err
			}
			return s.Change(ctx, change)
		},
	}
}
