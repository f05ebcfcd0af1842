package devcluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// serverWebhookPort is the port of capa-apiserver's own webhook server.
const serverWebhookPort = build.Server + "-webhook"

// serverLease says which store the server has.
const (
	serverNamespace = "capa-system"
	serverLease     = "capa-apiserver"
)

var (
	leases       = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	statefulSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
)

// emulatorDNSPort is the port of the emulated AWS's name server.
const emulatorDNSPort = build.Emulator + "-dns"

// The emulated account. Its keys open nothing anywhere else.
const (
	emulatedRegion    = "us-east-1"
	emulatedAccessKey = "AKIADEVCLUSTER000000"
	emulatedSecretKey = "devcluster"
)

// Env is what capa-apiserver's arguments are made of. Paths are absolute.
type Env struct {
	Kubeconfig  string
	DataDir     string
	CertDir     string
	Port        int
	WebhookPort int
	// DNSPort is that of the name server of the emulated AWS or of a stand-in; 0 for the system's.
	DNSPort int
}

// serverArgs are the arguments of capa-apiserver. Everything it needs to know about AWS comes with the AWS_* variables.
func serverArgs(env Env) []string {
	args := []string{
		"--kubeconfig=" + env.Kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", env.Port),
		"--data-dir=" + env.DataDir,
		"--cert-dir=" + env.CertDir,
		// The host reaches a server on its own machine through a Service of type ExternalName.
		"--service-external-name=localhost",
		fmt.Sprintf("--service-port=%d", env.Port),
		"--webhook-bind-address=127.0.0.1",
		fmt.Sprintf("--webhook-port=%d", env.WebhookPort),
		fmt.Sprintf("--webhook-url=https://127.0.0.1:%d", env.WebhookPort),
		// There is nobody to learn that it ends.
		"--shutdown-delay-duration=0s",
	}
	if env.DNSPort != 0 {
		// The names of load balancers that aren't AWS's are known nowhere else.
		args = append(args, fmt.Sprintf("--dns-server=127.0.0.1:%d", env.DNSPort))
	}
	return args
}

// emulatorArgs are the arguments of the emulated AWS.
func emulatorArgs(port, dnsPort int) []string {
	return []string{fmt.Sprintf("--listen=127.0.0.1:%d", port), fmt.Sprintf("--dns-listen=127.0.0.1:%d", dnsPort)}
}

func (l *launch) capaSteps() []step {
	steps := []step{
		{name: build.Emulator, run: l.startEmulator},
		{name: build.StandInDNS, run: l.startStandInDNS},
		{name: build.Instances, after: []string{build.Emulator}, run: l.startInstances},
		{name: build.Server, after: []string{build.KubeAPIServer, serverRights, build.Emulator, build.StandInDNS, componentsStep(build.CoreManager)}, run: l.startServer},
	}
	steps = append(steps, l.demoSteps()...)
	var chosen []step
	for _, s := range steps {
		if l.chosen[s.name] {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func (l *launch) startEmulator(ctx context.Context) (string, error) {
	client := &http.Client{Timeout: 5 * time.Second}
	return l.ensure(ctx, program{
		name:  build.Emulator,
		args:  emulatorArgs(l.state.port(build.Emulator), l.state.port(emulatorDNSPort)),
		where: l.awsEndpointURL(),
		ready: func(ctx context.Context) error { return answers(ctx, client, l.awsEndpointURL()) },
	})
}

// startStandInDNS makes the load balancers of a stand-in for AWS ready: unlike the emulator it may have no name server, and
// if it has one nobody knows where.
func (l *launch) startStandInDNS(ctx context.Context) (string, error) {
	address := fmt.Sprintf("127.0.0.1:%d", l.state.port(build.StandInDNS))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", address)
	}}
	return l.ensure(ctx, program{
		name:  build.StandInDNS,
		args:  []string{"--listen=" + address},
		where: address,
		ready: func(ctx context.Context) error {
			_, err := resolver.LookupHost(ctx, "ready.elb.amazonaws.com.")
			return err
		},
	})
}

func (l *launch) instancesProxy() string {
	return fmt.Sprintf("http://127.0.0.1:%d", l.state.port(build.Instances))
}

// startInstances has the emulated instances boot. What ran on them is lost with an earlier process.
func (l *launch) startInstances(ctx context.Context) (string, error) {
	client, variables := &http.Client{Timeout: 5 * time.Second}, l.awsVariables()
	// Those of the demos, and of what users try with their own variables.
	regions := []string{emulatedRegion}
	for _, variable := range variables {
		if region, found := strings.CutPrefix(variable, "AWS_REGION="); found && region != emulatedRegion {
			regions = append(regions, region)
		}
	}
	return l.ensure(ctx, program{
		name:  build.Instances,
		args:  []string{fmt.Sprintf("--listen=127.0.0.1:%d", l.state.port(build.Instances)), "--region=" + strings.Join(regions, ",")},
		env:   variables,
		where: "proxy on " + l.instancesProxy(),
		ready: func(ctx context.Context) error { return answers(ctx, client, l.instancesProxy()) },
	})
}

func (l *launch) startServer(ctx context.Context) (string, error) {
	env := Env{
		Kubeconfig:  l.serverKubeconfig(),
		DataDir:     l.layout.data(build.Server),
		CertDir:     filepath.Join(l.layout.pki(), build.Server),
		Port:        l.state.port(build.Server),
		WebhookPort: l.state.port(serverWebhookPort),
	}
	switch {
	case l.chosen[build.StandInDNS]:
		env.DNSPort = l.state.port(build.StandInDNS)
	case l.chosen[build.Emulator]:
		env.DNSPort = l.state.port(emulatorDNSPort)
	}
	client, err := l.client()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(env.DataDir); errors.Is(err, fs.ErrNotExist) {
		// A store that an earlier devcluster had in an existing cluster is gone for good.
		if err := client.Resource(leases).Namespace(serverNamespace).Delete(ctx, serverLease, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return "", fmt.Errorf("let the new store take the place of an earlier one: %w", err)
		}
	}
	variables := l.awsVariables()
	if l.chosen[build.Instances] {
		// It is how EKS clusters are reached; AWS's own address is on loopback or plain HTTP, for which no client uses it.
		variables = append(variables, "HTTPS_PROXY="+l.HTTPSProxy)
	}
	server := program{
		name:  build.Server,
		args:  serverArgs(env),
		env:   variables,
		where: l.address(build.Server),
		// Ready means reachable the way users reach it: through kube-apiserver.
		ready: func(ctx context.Context) error { return listAWSClusters(ctx, client) },
	}
	if l.DebugPort != 0 {
		server.binary, server.debugger = build.DebugServer, l.debugger()
		server.where += ", Delve on " + l.debugAddress()
	}
	return l.ensure(ctx, server)
}

func (l *launch) debugAddress() string { return fmt.Sprintf("127.0.0.1:%d", l.DebugPort) }

func (l *launch) debuggerIfAny() string {
	if l.DebugPort == 0 || !l.chosen[build.Server] {
		return ""
	}
	return l.debugAddress()
}

// debugger runs a program on at once, and lets debuggers come and go.
func (l *launch) debugger() []string {
	return []string{l.layout.binary(build.Delve), "exec", "--headless", "--listen=" + l.debugAddress(), "--api-version=2", "--accept-multiclient", "--continue"}
}

// awsEndpointURL is where AWS is: the given stand-in, the emulator, or nothing, which means AWS itself.
func (l *launch) awsEndpointURL() string {
	switch {
	case l.AWSEndpointURL != "":
		return l.AWSEndpointURL
	case l.chosen[build.Emulator]:
		return l.emulatorURL()
	}
	return ""
}

func (l *launch) emulatorURL() string {
	return fmt.Sprintf("http://127.0.0.1:%d", l.state.port(build.Emulator))
}

// awsVariables are the SDK's standard variables for the server and for the user's tools. With the emulator they are all
// ours; with a given stand-in the caller's own AWS_* variables are completed; with neither they are the caller's.
func (l *launch) awsVariables() []string {
	variables := map[string]string{}
	if !l.chosen[build.Emulator] {
		variables = callersVariables()
	}
	if url := l.awsEndpointURL(); url != "" {
		variables["AWS_ENDPOINT_URL"] = url
		region := cmp.Or(variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"], emulatedRegion)
		// The SDKs read the first name, some command line tools only the second.
		variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"] = region, region
		if variables["AWS_ACCESS_KEY_ID"] == "" || variables["AWS_SECRET_ACCESS_KEY"] == "" {
			variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = emulatedAccessKey, emulatedSecretKey
		}
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		lines = append(lines, name+"="+variables[name])
	}
	return lines
}

func callersVariables() map[string]string {
	variables := map[string]string{}
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			variables[name] = value
		}
	}
	return variables
}

// writeAWSEnv leaves the variables for the user's own AWS tools: "set -a; . _run/aws.env". Without a stand-in nothing is
// written: real credentials stay where they are.
func (l *launch) writeAWSEnv() error {
	if l.awsEndpointURL() == "" {
		return nil
	}
	variables := l.awsVariables()
	if err := os.WriteFile(l.layout.awsEnv(), []byte(strings.Join(variables, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the AWS variables: %w", err)
	}
	return nil
}

// isEmulator tells whether a stand-in for AWS is an aws-emulator, of whose instances it is known how they boot.
func isEmulator(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+"/_emulator/counts", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	counts := map[string]int{}
	return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(&counts) == nil
}

// answers reports nil once the address answers anything at all.
func answers(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
