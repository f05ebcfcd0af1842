// Package takeover brings a management cluster from Cluster API Provider AWS to this server where
// it stands, and back: every object goes into the server's store with its UID, status and times,
// and nothing in AWS is written.
package takeover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

const (
	fieldManager = "clusterawsadm-takeover"
	// name is that of the ConfigMap with what has been done, and of the policy that keeps
	// objects as they are while they are copied.
	name = "capa-takeover"
	// poll is how often something is looked at that is waited for.
	poll = 500 * time.Millisecond
)

// Options say what to take over and how.
type Options struct {
	// Config reaches the management cluster with an administrator's rights.
	Config *rest.Config
	// Namespace is this server's.
	Namespace string
	// Do is false for a dry run.
	Do bool
	// Rollback gives everything back to CAPA.
	Rollback bool
	// AnotherStore gives back, or goes on, although the server's store isn't the one that was copied into, or has
	// none of what was.
	AnotherStore bool
	// Patience bounds each thing that is waited for.
	Patience time.Duration
	// Settle is how long Cluster API may take to learn of changed labels of CRDs, and every kube-apiserver of CRDs and policies.
	Settle time.Duration
	// Out is where it is told what happens.
	Out io.Writer
	// Before is called before each write; what it returns ends everything there. Tests use it.
	Before func(what string) error
}

// ErrProblems says that the checks found what has to be put right first.
var ErrProblems = errors.New("this has to be put right first")

// taker takes over.
type taker struct {
	Options
	kube      kubernetes.Interface
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	discovery discovery.DiscoveryInterface
	state     *state
	codec     codec
}

// step is a part of the way. Each can be repeated, and ends as it would have the first time.
type step struct {
	name string
	do   func(context.Context) error
}

// Run checks, and takes over or gives back. Whatever interrupted it, the next run goes on.
func Run(ctx context.Context, o Options) error {
	t, err := newTaker(ctx, o)
	if err != nil {
		return err
	}
	if o.Rollback {
		return t.rollback(ctx)
	}
	if t.state.RollingBack {
		return errors.New("a rollback was begun and isn't complete: end it first with --rollback --yes")
	}
	if t.state.Done {
		t.say("CAPA's objects were taken over already: nothing to do. --rollback gives them back.")
		return nil
	}
	if !t.state.Copied {
		if err := t.check(ctx); err != nil {
			return errors.Join(err, t.letCorrect(ctx))
		}
	}
	if err := t.sameStore(ctx); err != nil {
		return err
	}
	if !o.Do {
		t.say("\nThis was a dry run and nothing was changed. --yes takes over; --rollback gives back afterwards.")
		return nil
	}
	return t.run(ctx,
		step{"pause the Clusters", t.pause},
		step{"stop CAPA", t.stop},
		step{"keep the objects from being changed", t.freeze},
		step{"put CAPA's webhooks away", t.putWebhooksAway},
		step{"copy the objects", t.copy},
		step{"have the server serve them", t.claim},
		step{"let owner references name what stays served", t.ownersForward},
		step{"end what CAPA's CRDs serve", t.shadow},
		step{"let the objects be changed again", t.thaw},
		step{"unpause the Clusters", t.unpause},
		step{"done", func(ctx context.Context) error {
			return t.note(ctx, "that it is done", func(s *state) { s.Done = true })
		}},
	)
}

func newTaker(ctx context.Context, o Options) (*taker, error) {
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	config := rest.CopyConfig(o.Config)
	config.QPS, config.UserAgent = -1, fieldManager // the host has its own fair shares
	config.WarningHandler = rest.NoWarnings{}       // about what was there before
	t := &taker{Options: o, codec: newCodec()}
	var err error
	if t.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if t.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if t.metadata, err = metadata.NewForConfig(config); err != nil {
		return nil, err
	}
	t.discovery = t.kube.Discovery()
	t.state, err = t.load(ctx)
	return t, err
}

func (t *taker) run(ctx context.Context, steps ...step) error {
	for i, s := range steps {
		t.say("%d/%d %s", i+1, len(steps), s.name)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w\nrun the same command again to go on, or with --rollback to go back", s.name, err)
		}
	}
	return nil
}

// say tells something, in plain text: some of it was written by those who may write objects.
func (t *taker) say(format string, args ...any) {
	fmt.Fprintln(t.Out, strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf(format, args...)))
}

// write does something that changes the cluster.
func (t *taker) write(what string, do func() error) error {
	if t.Before != nil {
		if err := t.Before(what); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// stop is an error with which waiting ends.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

// wait repeats a look until it finds what is to come.
func (t *taker) wait(ctx context.Context, what string, look func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, t.Patience)
	defer cancel()
	for {
		err := look(ctx)
		if end := (stop{}); err == nil || errors.As(err, &end) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %s: %w", t.Patience, what, err)
		case <-time.After(poll):
		}
	}
}

// settle gives others the time that they may take to learn of something.
func (t *taker) settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(t.Settle):
		return nil
	}
}

func (t *taker) maps() typedcorev1.ConfigMapInterface { return t.kube.CoreV1().ConfigMaps(t.Namespace) }
