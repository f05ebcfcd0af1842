package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	basecompatibility "k8s.io/component-base/compatibility"
	baseversion "k8s.io/component-base/version"

	"k8s.io/apiserver/pkg/admission"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	webhooks "github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/apiserver/certs"
	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
)

const (
	// drainTime is how long open watches and requests may take to end. The
	// library's default of a minute would keep a rolling update waiting for
	// watches, which clients open again anyway.
	drainTime = 2 * time.Second
	// certSecret holds the serving certificate of all replicas.
	certSecret = "capa-apiserver-serving"
)

// Config is what a server is made from.
type Config struct {
	Generic *genericapiserver.RecommendedConfig
	Extra   Extra
}

// Extra is the part of the config that the library doesn't know.
type Extra struct {
	options *Options
	// host is the cluster that the server extends.
	host *rest.Config
	// certs keeps the serving certificate.
	certs *certs.Manager
	// webhooks are the rules of this process.
	webhooks *webhooks.Here
	// etcd is nil with an external one.
	etcd *etcd.Server
	// start is what requests wait for.
	start *start
}

type completedConfig struct {
	generic genericapiserver.CompletedConfig
	extra   *Extra
}

// CompletedConfig embeds a private pointer, so only Complete can make one.
type CompletedConfig struct{ *completedConfig }

// NewConfig connects to the host, starts the embedded etcd where one is wanted,
// and gets the serving certificate.
func NewConfig(ctx context.Context, o *Options) (*Config, error) {
	extra := Extra{options: o, webhooks: &webhooks.Here{}, start: &start{codecs: o.Table.Codecs}}
	var err error
	if extra.host, err = hostConfig(o); err != nil {
		return nil, err
	}
	if extra.certs, err = servingCerts(ctx, o, extra.host); err != nil {
		return nil, err
	}
	if !o.externalEtcd() {
		if extra.etcd, err = etcd.Start(ctx, etcd.Options{Dir: o.DataDir, Quota: o.EtcdQuota}); err != nil {
			return nil, err
		}
		o.Recommended.Etcd.StorageConfig.Transport.ServerList = []string{extra.etcd.Endpoint()}
	}
	config, err := genericConfig(&extra, ctx.Done())
	if err != nil {
		extra.stop()
		return nil, err
	}
	return &Config{Generic: config, Extra: extra}, nil
}

// stop ends what the config started.
func (e *Extra) stop() {
	if e.etcd != nil {
		e.etcd.Stop()
	}
}

// libraryVersion is the version of Kubernetes' libraries, which decides what features there are. The libraries take the
// program's own version for it, which is much lower, and would leave all of them out.
func libraryVersion() basecompatibility.MutableEffectiveVersion {
	return basecompatibility.NewEffectiveVersionFromString(baseversion.DefaultKubeBinaryVersion, "", "")
}

func genericConfig(e *Extra, stop <-chan struct{}) (*genericapiserver.RecommendedConfig, error) {
	o, s := e.options, e.start
	config := genericapiserver.NewRecommendedConfig(o.Table.Codecs)
	config.EffectiveVersion = libraryVersion()
	config.FeatureGate = utilfeature.DefaultFeatureGate
	namer := openapinamer.NewDefinitionNamer(o.Table.external())
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(o.Table.openAPI, namer)
	config.OpenAPIConfig.Info.Title = "capa-apiserver"
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(o.Table.openAPI, namer)
	config.OpenAPIV3Config.Info.Title = "capa-apiserver"
	config.ShutdownDelayDuration = o.ShutdownDelay
	// Where there is time for it, callers are sent to another replica.
	config.ShutdownSendRetryAfter = o.ShutdownDelay > 0
	config.ShutdownWatchTerminationGracePeriod = drainTime
	config.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return sendAway(s.hold(genericapiserver.DefaultBuildHandlerChain(handler, c)), c.ShutdownInitiatedNotify())
	}
	o.Recommended.ExtraAdmissionInitializers = func(c *genericapiserver.RecommendedConfig) ([]admission.PluginInitializer, error) {
		return []admission.PluginInitializer{e.webhooks, counted{}}, passOver(c.SharedInformerFactory)
	}
	if err := o.Recommended.ApplyTo(config); err != nil {
		return nil, err
	}
	if e.etcd != nil {
		config.RESTOptionsGetter = inProcess{config.RESTOptionsGetter, e.etcd, o.Recommended.Etcd}
	}
	if headers := config.Authentication.RequestHeaderConfig; headers != nil {
		s.expect("front-proxy", frontProxyKnown(headers.CAContentProvider))
		config.Authentication.Authenticator = withVouched(config.Authentication.Authenticator, headers)
		config.SecureServing.ClientCA = awaited{config.SecureServing.ClientCA, headers.CAContentProvider, stop}
	}
	return config, nil
}

// hostConfig is how the host is reached: by --kubeconfig or from inside a pod. How much it
// is asked isn't limited here, by default to five requests a second: the host has its own
// fair shares, and what is read often is watched.
func hostConfig(o *Options) (*rest.Config, error) {
	config, err := hostAddress(o.Recommended.CoreAPI.CoreAPIKubeconfigPath)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

func hostAddress(path string) (*rest.Config, error) {
	if path == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("not in a pod, so --kubeconfig has to name the host cluster's kubeconfig: %w", err)
		}
		return config, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig=%q can't be used: %w", path, err)
	}
	return config, nil
}

// servingCerts gets the certificate that all replicas serve and gives it to the library.
func servingCerts(ctx context.Context, o *Options, host *rest.Config) (*certs.Manager, error) {
	client, err := kubernetes.NewForConfig(host)
	if err != nil {
		return nil, err
	}
	service := o.ServiceName + "." + o.Namespace + ".svc"
	manager, err := certs.New(certs.Options{
		Client: client, Namespace: o.Namespace, SecretName: certSecret,
		CreateNamespace: o.ServiceExternalName != "",
		DNSNames:        []string{service, "localhost"},
		IPs:             loopbackIPs,
	})
	if err != nil {
		return nil, err
	}
	if err := manager.Ensure(ctx); err != nil {
		return nil, err
	}
	o.Recommended.SecureServing.ServerCert.GeneratedCert = manager
	return manager, nil
}

// Complete fills in what is missing.
func (c *Config) Complete() CompletedConfig {
	return CompletedConfig{&completedConfig{c.Generic.Complete(), &c.Extra}}
}

// New makes the server.
func (c CompletedConfig) New() (*Server, error) {
	server, err := c.generic.New("capa-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, err
	}
	serveAllMetrics(server)
	options := c.extra.options
	background, err := newBackground(c.extra, c.generic.LoopbackClientConfig, c.generic.RESTOptionsGetter)
	if err != nil {
		return nil, err
	}
	parts := background.parts(options)
	parts.Authorizer = c.generic.Authorization.Authorizer
	if err := options.Table.install(server, c.generic.RESTOptionsGetter, parts, background.stored); err != nil {
		return nil, err
	}
	if err := server.AddReadyzChecks(c.extra.start.checks...); err != nil {
		return nil, err
	}
	s := &Server{generic: server, background: background, extra: c.extra, drained: c.generic.DrainedNotify()}
	return s, nil
}
