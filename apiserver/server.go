package apiserver

import (
	"context"
	"errors"
	"fmt"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

// Server is a complete server that doesn't run yet.
type Server struct {
	generic    *genericapiserver.GenericAPIServer
	background *background
	extra      *Extra
}

// Run serves until ctx ends, or until a part of the server does.
func (s *Server) Run(ctx context.Context) error {
	defer s.extra.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.extra.certs.Run(ctx, 1)

	ended := make(chan struct{})
	err := s.generic.AddPostStartHook("start-background", func(genericapiserver.PostStartHookContext) error {
		go func() {
			defer close(ended)
			if err := s.background.run(ctx); err != nil || ctx.Err() == nil {
				cancel(fmt.Errorf("the controllers %w: %w", errEnded, err))
			}
		}()
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.generic.PrepareRun().RunWithContext(ctx); err != nil {
		return err
	}
	cancel(nil)
	<-ended
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
