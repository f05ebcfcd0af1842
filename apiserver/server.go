package apiserver

import (
	"context"
	"errors"
	"fmt"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
)

// Server is a complete server that doesn't run yet.
type Server struct {
	generic    *genericapiserver.GenericAPIServer
	background *background
	extra      *Extra
	// drained tells that all requests were answered, and no more will be.
	drained <-chan struct{}
}

// Run serves until ctx ends, or until a part of the server does. What acts then ends at
// once, and requests are answered for the shutdown delay.
func (s *Server) Run(ctx context.Context) error {
	defer s.extra.stop()
	acting, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	serving, served := context.WithCancel(context.WithoutCancel(ctx))
	defer served()
	go s.extra.certs.Run(serving, 1)
	if s.extra.etcd != nil {
		go s.extra.etcd.KeepRoom(serving)
		go endWith(serving, s.extra.etcd.Ended)
	}

	// The last answer was given, so the server's own watches need not be waited for.
	go func() {
		select {
		case <-s.drained:
			served()
		case <-serving.Done():
		}
	}()

	ended := make(chan struct{})
	err := s.generic.AddPostStartHook("start-background", func(genericapiserver.PostStartHookContext) error {
		go func() {
			defer close(ended)
			if err := s.background.run(acting, serving); err != nil || serving.Err() == nil {
				fail(fmt.Errorf("the controllers %w: %w", errEnded, err))
			}
		}()
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.generic.PrepareRun().RunWithContext(acting); err != nil {
		return err
	}
	served()
	<-ended
	if cause := context.Cause(acting); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// endWith ends the process when etcd does.
func endWith(ctx context.Context, etcd func(context.Context) error) {
	if err := etcd(ctx); err != nil {
		endProcess(err)
	}
}

// endProcess is for when nothing may be answered any more, or can be: requests that wait
// would keep the ordinary way out from ending.
func endProcess(err error) {
	klog.Background().Error(err, "The process ends")
	klog.FlushAndExit(klog.ExitFlushTimeout, 1)
}
