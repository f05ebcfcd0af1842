package apiserver

import (
	"context"
	"time"

	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/klog/v2"
)

const (
	// frontProxyPoll is how soon the port opens after the authority is known.
	frontProxyPoll = 20 * time.Millisecond
	// frontProxyReport is how often the log says that it isn't.
	frontProxyReport = 10 * time.Second
)

// awaited are the authorities of callers, which the library reads from the host. It
// would accept connections before it has read them: requests that the host vouches for
// then count as anonymous and are forbidden, and so are all others on a connection whose
// handshake didn't name the authority, as the host then shows no certificate on it.
type awaited struct {
	dynamiccertificates.CAContentProvider
	// frontProxy is the one of them without which nobody is known.
	frontProxy dynamiccertificates.CAContentProvider
	// stop ends the wait.
	stop <-chan struct{}
}

var (
	_ dynamiccertificates.CAContentProvider = awaited{}
	_ dynamiccertificates.ControllerRunner  = awaited{}
)

// RunOnce is called before the first connection is accepted. It returns when the front
// proxy's authority is known.
func (a awaited) RunOnce(ctx context.Context) error {
	if controller, ok := a.CAContentProvider.(dynamiccertificates.ControllerRunner); ok {
		go controller.Run(ctx, 1)
	}
	poll, report := time.NewTicker(frontProxyPoll), time.NewTicker(frontProxyReport)
	defer poll.Stop()
	defer report.Stop()
	for {
		if _, known := a.frontProxy.VerifyOptions(); known {
			return nil
		}
		select {
		case <-a.stop:
			return nil
		case <-poll.C:
		case <-report.C:
			klog.FromContext(ctx).Info("Nothing is served yet: the front proxy's authority can't be read from the host",
				"configMap", "kube-system/extension-apiserver-authentication", "key", "requestheader-client-ca-file")
		}
	}
}

// Run has nothing to do: RunOnce has everything run on.
func (a awaited) Run(context.Context, int) {}
