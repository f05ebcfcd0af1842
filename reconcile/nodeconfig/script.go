package nodeconfig

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

// bootstrapScript is what images with Amazon Linux 2 have nodes join with.
const bootstrapScript = "/etc/eks/bootstrap.sh"

// BootstrapScript returns a cloud-config that calls bootstrap.sh, between the commands of the
// spec. Secrets that the spec refers to must have been filled in. The error says what is
// missing, or too long.
func BootstrapScript(spec *bootstrapv1.EKSConfigSpec, c Cluster) ([]byte, error) {
	call, err := callOf(spec, c)
	if err != nil {
		return nil, err
	}
	data, err := cloudConfigOf(&spec.CloudInit, slices.Concat(spec.PreBootstrapCommands, []string{call}, spec.PostBootstrapCommands))
	if err != nil {
		return nil, err
	}
	if len(data) > corev1.MaxSecretSize {
		return nil, fmt.Errorf("the bootstrap data has %d bytes, and a Secret takes %d: have spec.preBootstrapCommands fetch what is large", len(data), corev1.MaxSecretSize)
	}
	return data, nil
}

// callOf is the command with its arguments, in the order of existing tools. With the last two
// the script asks EKS nothing; a command of the user's own gets what existing tools give it.
func callOf(spec *bootstrapv1.EKSConfigSpec, c Cluster) (string, error) {
	if err := c.complete(); err != nil {
		return "", err
	}
	command, own := bootstrapScript, spec.BootstrapCommandOverride
	if own != nil && *own != "" {
		command = *own
	}
	words := []string{command, quote(c.Name)}
	option := func(name string, value *string) {
		if value != nil && *value != "" {
			words = append(words, "--"+name, quote(*value))
		}
	}
	if len(spec.KubeletExtraArgs) > 0 {
		words = append(words, "--kubelet-extra-args", quoted(kubeletArguments(spec.KubeletExtraArgs)))
	}
	option("container-runtime", spec.ContainerRuntime)
	family, services, dns, err := addresses(spec, c)
	if err != nil {
		return "", err
	}
	option("ip-family", family)
	option("service-ipv6-cidr", services)
	option("use-max-pods", text(spec.UseMaxPods, strconv.FormatBool))
	option("aws-api-retry-attempts", text(spec.APIRetryAttempts, strconv.Itoa))
	if p := spec.PauseContainer; p != nil {
		option("pause-container-account", &p.AccountNumber)
		option("pause-container-version", &p.Version)
	}
	option("dns-cluster-ip", dns)
	option("docker-config-json", spec.DockerConfigJSON)
	if command == bootstrapScript {
		authority := base64.StdEncoding.EncodeToString(c.CA)
		option("b64-cluster-ca", &authority)
		option("apiserver-endpoint", &c.Endpoint)
	}
	return strings.Join(words, " "), nil
}

// addresses are the options about them. Without an address of the DNS the script guesses one
// from the VPC's range, so it is told where the cluster says its range for services.
func addresses(spec *bootstrapv1.EKSConfigSpec, c Cluster) (family, services, dns *string, err error) {
	prefix, said, err := c.serviceRange()
	if err != nil {
		return nil, nil, nil, err
	}
	six := "ipv6"
	switch {
	case spec.ServiceIPV6Cidr != nil && *spec.ServiceIPV6Cidr != "":
		return &six, spec.ServiceIPV6Cidr, spec.DNSClusterIP, nil
	case prefix.Addr().Is6():
		text := prefix.String()
		return &six, &text, spec.DNSClusterIP, nil
	case said && spec.DNSClusterIP == nil:
		address := tenth(prefix)
		return nil, nil, &address, nil
	}
	return nil, nil, spec.DNSClusterIP, nil
}

// tenth is the address of the DNS in a range for services.
func tenth(prefix netip.Prefix) string {
	address := prefix.Masked().Addr().As4()
	address[3] += 10
	return netip.AddrFrom4(address).String()
}

func text[T any](value *T, write func(T) string) *string {
	if value == nil {
		return nil
	}
	out := write(*value)
	return &out
}

// kubeletArguments are in the order of their names.
func kubeletArguments(args map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		words = append(words, "--"+name+"="+args[name])
	}
	return strings.Join(words, " ")
}

// plain are words that a shell takes as they are.
var plain = regexp.MustCompile(`^[A-Za-z0-9@%_+=:,./-]+$`)

// quote makes one word for a shell of whatever is written.
func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return quoted(word)
}

func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
