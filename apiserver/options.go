// Package apiserver is the server: options become a config, a completed config
// becomes a server, and the server runs until it is told to end.
package apiserver

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	genericoptions "k8s.io/apiserver/pkg/server/options"

	webhooks "github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
	"github.com/capa-apiserver/capa-apiserver/apiserver/registrar"
	"github.com/capa-apiserver/capa-apiserver/apiserver/templateimmutable"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

const (
	// minEtcdQuota is what a store with a few clusters and its history needs.
	minEtcdQuota = 16 << 20

	// defaultMaxAge is how far behind AWS an ordinary read may be: less than
	// anybody notices, and one refresh of an account every two seconds at the most
	// stays far within AWS's request rates.
	defaultMaxAge = 2 * time.Second
	// defaultReadDeadline is how long a read waits for AWS before it answers with
	// what is known: most refreshes take less, and nobody minds a second.
	defaultReadDeadline = 1500 * time.Millisecond
	// defaultShutdownDelay is what it takes a host to take a replica out of its Service:
	// kubelet, endpoints and kube-proxy each some hundred milliseconds, more when busy.
	defaultShutdownDelay = 5 * time.Second
	// maxShutdownDelay leaves the rest of the usual 30 seconds that a pod has to end.
	maxShutdownDelay = 20 * time.Second
)

// Options are the settings of a server, as flags give them.
type Options struct {
	Recommended *genericoptions.RecommendedOptions
	// Table is what is served.
	Table *Table

	// DataDir holds the embedded etcd's data; not used when Recommended.Etcd names servers.
	DataDir string
	// EtcdQuota is how many bytes the embedded etcd may keep.
	EtcdQuota int64

	// Claim says which group-versions of others the server may serve.
	Claim string
	// Namespace is the server's own: its Service, certificates, registrar status
	// and the Secrets of static identities are there.
	Namespace string
	// ServiceName and ServicePort are where the host finds the server.
	ServiceName string
	ServicePort int32
	// ServiceExternalName makes the server create the Service itself, of type
	// ExternalName, for a server that doesn't run in the host's cluster.
	ServiceExternalName string

	// WebhookAddress is where the admission webhooks listen.
	WebhookAddress string
	// WebhookPort is where they listen, and the Service's port for them.
	WebhookPort int
	// WebhookURL is where the host and this server reach them instead of through
	// the Service, as https://host:port.
	WebhookURL string

	// ShutdownDelay is how long requests are answered after the process was told to end.
	ShutdownDelay time.Duration

	// LeaderElect lets several replicas run: all serve, one acts.
	LeaderElect bool
	// Reconcile is false for a server that only shows.
	Reconcile bool
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the
	// clusters to reconcile; empty for all.
	WatchFilter string
	// Concurrency is how many clusters are reconciled at the same time, and
	// MachineConcurrency how many machines.
	Concurrency, MachineConcurrency int

	// MachinePoolMachines gives each instance of a machine pool an AWSMachine.
	MachinePoolMachines bool

	// MaxAge and ReadDeadline bound the age of facts in a read and the wait for them.
	MaxAge, ReadDeadline time.Duration
	// SweepPeriod is how often the tables of a network are listed while nothing changes.
	SweepPeriod time.Duration
	// InstanceSweepPeriod is how often instances and Auto Scaling groups are listed.
	InstanceSweepPeriod time.Duration
	// EKSSweepPeriod is how often an EKS cluster is described while nothing changes, and one of
	// its add-ons.
	EKSSweepPeriod time.Duration
	// MakeRoles lets the IAM roles of EKS be made, changed and deleted.
	MakeRoles bool
	// RolePolicies are the policies that specs may give to roles which are made, besides the usual ones.
	RolePolicies cloud.RolePolicies
	// Events has AWS tell of what happens to instances, through a rule and a queue
	// whose names begin with EventsPrefix.
	Events       bool
	EventsPrefix string
	// CreationGrace is how long AWS may take to show what it has made.
	CreationGrace time.Duration
	// DNSServer is asked whether a load balancer's name resolves, as host:port.
	DNSServer string
}

// NewOptions returns the defaults for a server of the table.
func NewOptions(table *Table) *Options {
	recommended := genericoptions.NewRecommendedOptions(etcd.Prefix, table.storageCodec())
	recommended.Etcd.StorageConfig.EncodeVersioner = schema.GroupVersions(table.hubVersions())
	recommended.SecureServing.BindPort = 8443
	// Webhooks and policies of the host apply to these kinds too, so the library's
	// plugins all stay on, and templates can't be changed once they are used.
	// Ours come after them: what a policy refuses asks AWS nothing, and is told nothing of it.
	webhooks.RegisterPlugin(recommended.Admission.Plugins)
	templateimmutable.Register(recommended.Admission.Plugins, table.templates())
	recommended.Admission.RecommendedPluginOrder = append(recommended.Admission.RecommendedPluginOrder, webhooks.PluginName, templateimmutable.PluginName)
	addQuota(recommended.Admission)
	return &Options{
		Recommended:    recommended,
		Table:          table,
		DataDir:        "/var/lib/capa-apiserver",
		EtcdQuota:      etcd.DefaultQuota,
		Claim:          string(registrar.ModeAuto),
		Namespace:      "capa-system",
		ServiceName:    "capa-apiserver",
		ServicePort:    443,
		WebhookAddress: "0.0.0.0",
		WebhookPort:    9443,
		ShutdownDelay:  defaultShutdownDelay,
		Reconcile:      true,
		Concurrency:    10,

		MachineConcurrency: 50,
		MaxAge:             defaultMaxAge,
		ReadDeadline:       defaultReadDeadline,
		SweepPeriod:        time.Minute,
		EventsPrefix:       "capa-apiserver",
		CreationGrace:      time.Minute,

		InstanceSweepPeriod: mirror.InstancesRest,
		EKSSweepPeriod:      mirror.EKSRest,
	}
}

// AddFlags binds the options to flags.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	o.Recommended.AddFlags(fs)
	fs.StringVar(&o.DataDir, "data-dir", o.DataDir, "Folder of the embedded etcd, for a single replica. Not used with --etcd-servers.")
	fs.Int64Var(&o.EtcdQuota, "etcd-quota-backend-bytes", o.EtcdQuota, "How many bytes the embedded etcd may keep. A store that has more takes only reads and deletions. Not used with --etcd-servers.")
	fs.StringVar(&o.Claim, "claim", o.Claim, "Which group-versions to serve through the host besides v2beta1: 'auto' takes v1beta2 of a group while nobody else serves it, 'native' never takes it, 'all' takes it even where CustomResourceDefinitions serve it.")
	fs.StringVar(&o.Namespace, "namespace", o.Namespace, "Namespace of the server's Service, certificates, registrar status and of the Secrets that static identities name.")
	fs.StringVar(&o.ServiceName, "service-name", o.ServiceName, "Service through which the host reaches this server.")
	fs.Int32Var(&o.ServicePort, "service-port", o.ServicePort, "Port of that Service.")
	fs.StringVar(&o.ServiceExternalName, "service-external-name", o.ServiceExternalName, "Create the Service as an ExternalName for this DNS name, for a server outside the host's cluster. Example: localhost")
	fs.StringVar(&o.WebhookAddress, "webhook-bind-address", o.WebhookAddress, "Address on which the admission webhooks listen.")
	fs.IntVar(&o.WebhookPort, "webhook-port", o.WebhookPort, "Port on which the admission webhooks listen.")
	fs.StringVar(&o.WebhookURL, "webhook-url", o.WebhookURL, "Where the webhooks are reached when not through the Service. Example: https://127.0.0.1:9443")
	fs.DurationVar(&o.ShutdownDelay, "shutdown-delay-duration", o.ShutdownDelay, "How long requests are answered after SIGTERM, while /readyz already answers 503: the time in which load balancers learn to send them elsewhere.")
	fs.BoolVar(&o.LeaderElect, "leader-elect", o.LeaderElect, "Elect one of several replicas to act on AWS. All of them serve.")
	fs.BoolVar(&o.Reconcile, "reconcile", o.Reconcile, "Make AWS match what is stored. With false the server only shows what AWS has.")
	fs.StringVar(&o.WatchFilter, "watch-filter", o.WatchFilter, "Reconcile only objects whose label cluster.x-k8s.io/watch-filter has this value.")
	fs.IntVar(&o.Concurrency, "awscluster-concurrency", o.Concurrency, "How many clusters are reconciled at the same time.")
	fs.IntVar(&o.MachineConcurrency, "awsmachine-concurrency", o.MachineConcurrency, "How many machines are reconciled at the same time.")
	fs.BoolVar(&o.MachinePoolMachines, "machine-pool-machines", o.MachinePoolMachines, "Give each instance of a machine pool an AWSMachine, of which Cluster API makes a Machine. Pools that have them keep them.")
	fs.DurationVar(&o.MaxAge, "max-age", o.MaxAge, "How old the facts from AWS in an ordinary read may be. Example: 2s")
	fs.DurationVar(&o.ReadDeadline, "read-deadline", o.ReadDeadline, "How long a read waits for AWS before it answers with what is known.")
	fs.DurationVar(&o.SweepPeriod, "sweep-period", o.SweepPeriod, "How often the resources of a network are listed while nothing changes, per account and region.")
	fs.DurationVar(&o.InstanceSweepPeriod, "instance-sweep-period", o.InstanceSweepPeriod, "How often instances and Auto Scaling groups are listed, per account and region: at the latest after this and a tenth, watchers see what happened to one.")
	fs.DurationVar(&o.EKSSweepPeriod, "eks-sweep-period", o.EKSSweepPeriod, "How often each EKS cluster is described while nothing changes, and in turn one of its add-ons. What is changing is described every few seconds, and what somebody reads at once.")
	fs.BoolVar(&o.MakeRoles, "make-iam-roles", o.MakeRoles, "Make the IAM roles of EKS control planes, node groups and Fargate profiles that name none, with the policies that EKS needs, and delete them afterwards. Otherwise the roles of clusterawsadm's stack are used.")
	fs.StringSliceVar((*[]string)(&o.RolePolicies), "iam-role-policies", o.RolePolicies, "With --make-iam-roles, ARNs of IAM policies that roleAdditionalPolicies may name, with * and ? as in IAM, besides AWS's own for EKS's nodes and drivers. Example: arn:aws:iam::123456789012:policy/nodes-*")
	fs.BoolVar(&o.Events, "events", o.Events, "Have AWS tell at once of what happens to instances. Makes an EventBridge rule and an SQS queue in each account and region that clusters use.")
	fs.StringVar(&o.EventsPrefix, "events-prefix", o.EventsPrefix, "What the names of the rule (PREFIX-ec2-rule) and the queue (PREFIX-queue) begin with. Installations that share an account and region need different ones.")
	fs.DurationVar(&o.CreationGrace, "creation-grace", o.CreationGrace, "How long AWS may take to show in its lists what it has made.")
	fs.StringVar(&o.DNSServer, "dns-server", o.DNSServer, "DNS server that is asked whether a load balancer's name resolves, as host:port. Empty: the system's.")
}

// Complete fills in what follows from other options.
func (o *Options) Complete() {
	// One kubeconfig serves all three ways of talking to the host.
	if path := o.Recommended.CoreAPI.CoreAPIKubeconfigPath; path != "" {
		if o.Recommended.Authentication.RemoteKubeConfigFile == "" {
			o.Recommended.Authentication.RemoteKubeConfigFile = path
		}
		if o.Recommended.Authorization.RemoteKubeConfigFile == "" {
			o.Recommended.Authorization.RemoteKubeConfigFile = path
		}
	}
}

// Validate names every flag that can't be used and what it should be.
func (o *Options) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch registrar.Mode(o.Claim) {
	case registrar.ModeAuto, registrar.ModeNative, registrar.ModeAll:
	default:
		refuse("--claim=%q: must be auto, native or all", o.Claim)
	}
	if !o.externalEtcd() && o.DataDir == "" {
		refuse("--data-dir: must be a folder such as /var/lib/capa-apiserver, unless --etcd-servers is set")
	}
	if !o.externalEtcd() && o.EtcdQuota < minEtcdQuota {
		refuse("--etcd-quota-backend-bytes=%d: must be at least %d; %d is usual", o.EtcdQuota, minEtcdQuota, int64(etcd.DefaultQuota))
	}
	if o.LeaderElect && !o.externalEtcd() {
		refuse("--leader-elect: several replicas need a common etcd: set --etcd-servers, for example https://etcd-0:2379")
	}
	if problems := validation.IsValidLabelValue(o.WatchFilter); len(problems) > 0 {
		refuse("--watch-filter=%q: must be a value of the label cluster.x-k8s.io/watch-filter: %s", o.WatchFilter, problems[0])
	}
	if o.LeaderElect && strings.ToLower(o.WatchFilter) != strings.ReplaceAll(o.WatchFilter, "_", "-") {
		refuse("--watch-filter=%q: must have only lower-case letters, digits, - and . with --leader-elect, because the Lease is named by it", o.WatchFilter)
	}
	if o.MaxAge < 0 || o.ReadDeadline <= 0 {
		refuse("--max-age=%s --read-deadline=%s: must be durations such as 2s and 1.5s", o.MaxAge, o.ReadDeadline)
	}
	if o.SweepPeriod < time.Second || o.InstanceSweepPeriod < time.Second {
		refuse("--sweep-period=%s --instance-sweep-period=%s: must be at least 1s; 1m and 13s are usual", o.SweepPeriod, o.InstanceSweepPeriod)
	}
	if o.EKSSweepPeriod < 10*time.Second {
		refuse("--eks-sweep-period=%s: must be at least 10s; 5m is usual", o.EKSSweepPeriod)
	}
	if wrong := o.RolePolicies.Wrong(); wrong != "" {
		refuse("--iam-role-policies=%q: must be ARNs of IAM policies, for example arn:aws:iam::123456789012:policy/nodes-*", wrong)
	}
	if o.Events && !o.Reconcile {
		refuse("--events: makes a rule and a queue in AWS, so it can't go with --reconcile=false")
	}
	if o.Events && !eventsPrefix.MatchString(o.EventsPrefix) {
		refuse("--events-prefix=%q: must be 1 to 50 letters, digits, - and _, for example capa-apiserver", o.EventsPrefix)
	}
	if o.ShutdownDelay < 0 || o.ShutdownDelay > maxShutdownDelay {
		refuse("--shutdown-delay-duration=%s: must be between 0s and %s; 5s is usual", o.ShutdownDelay, maxShutdownDelay)
	}
	if o.CreationGrace < 0 {
		refuse("--creation-grace=%s: must not be negative; 1m is usual", o.CreationGrace)
	}
	if o.Concurrency < 1 || o.MachineConcurrency < 1 {
		refuse("--awscluster-concurrency=%d --awsmachine-concurrency=%d: must be at least 1", o.Concurrency, o.MachineConcurrency)
	}
	if o.WebhookURL != "" {
		if u, err := url.Parse(o.WebhookURL); err != nil || u.Scheme != "https" || u.Host == "" {
			refuse("--webhook-url=%q: must be like https://127.0.0.1:9443", o.WebhookURL)
		}
	}
	if o.DNSServer != "" {
		if _, _, err := net.SplitHostPort(o.DNSServer); err != nil {
			refuse("--dns-server=%q: must be host:port, for example 10.0.0.2:53", o.DNSServer)
		}
	}
	recommended := *o.Recommended
	if !o.externalEtcd() {
		recommended.Etcd = nil // its servers are known once the embedded one runs
	}
	errs = append(errs, recommended.Validate()...)
	return utilerrors.NewAggregate(errs)
}

// eventsPrefix leaves room for the ends of the names, of which SQS and EventBridge
// allow 80 and 64 characters.
var eventsPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]{1,50}$`)

func (o *Options) externalEtcd() bool {
	return len(o.Recommended.Etcd.StorageConfig.Transport.ServerList) > 0
}

// errEnded tells that a part of the server ended though nobody asked it to.
var errEnded = errors.New("ended unexpectedly")
