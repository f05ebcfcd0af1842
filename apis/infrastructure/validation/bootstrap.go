package validation

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// validateBootstrap judges how bootstrap data reaches an instance.
func validateBootstrap(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	errs := validateCloudInit(spec.CloudInit, path.Child("cloudInit"))
	if spec.Ignition != nil && spec.CloudInit != nil && *spec.CloudInit != (infrav1.CloudInit{}) {
		errs = append(errs, field.Forbidden(path.Child("cloudInit"), "cannot be set if spec.ignition is set; remove one of the two"))
	}
	return append(errs, validateIgnition(spec.Ignition, path.Child("ignition"))...)
}

func validateCloudInit(cloudInit *infrav1.CloudInit, path *field.Path) field.ErrorList {
	if cloudInit == nil {
		return nil
	}
	var errs field.ErrorList
	if cloudInit.InsecureSkipSecretsManager {
		errs = append(errs, validateWithoutSecrets(cloudInit, path)...)
	}
	errs = append(errs, validateSecretPrefix(cloudInit, path.Child("secretPrefix"))...)
	if (cloudInit.SecretPrefix != "") != (cloudInit.SecretCount != 0) {
		errs = append(errs, field.Forbidden(path.Child("secretCount"), "must be set together with secretPrefix; the provider writes both, so remove them"))
	}
	return errs
}

// secretPrefixes are the forms of what this provider, and the one that an object may come
// from, begin the names of secrets with: nobody else's secrets are called so.
var secretPrefixes = map[infrav1.SecretBackend]*regexp.Regexp{
	infrav1.SecretBackendSecretsManager:    regexp.MustCompile(`^aws\.cluster\.x-k8s\.io/` + uuidPattern + `$`),
	infrav1.SecretBackendSSMParameterStore: regexp.MustCompile(`^/cluster\.x-k8s\.io/` + uuidPattern + `$`),
}

const uuidPattern = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`

// validateSecretPrefix takes the prefix of an object that is moved or restored.
func validateSecretPrefix(cloudInit *infrav1.CloudInit, path *field.Path) field.ErrorList {
	backend := cmp.Or(cloudInit.SecureSecretsBackend, infrav1.SecretBackendSecretsManager)
	pattern := secretPrefixes[backend]
	if cloudInit.SecretPrefix == "" || pattern == nil || pattern.MatchString(cloudInit.SecretPrefix) {
		return nil
	}
	begin := map[infrav1.SecretBackend]string{infrav1.SecretBackendSecretsManager: "aws.cluster.x-k8s.io/", infrav1.SecretBackendSSMParameterStore: "/cluster.x-k8s.io/"}
	return field.ErrorList{field.Invalid(path, cloudInit.SecretPrefix, fmt.Sprintf(
		"follows from the object, so remove it; only a machine that is moved or restored brings one along, which is %s and a UUID", begin[backend]))}
}

// validateWithoutSecrets wants nothing to be said of secrets where there are none.
func validateWithoutSecrets(cloudInit *infrav1.CloudInit, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"secretPrefix", cloudInit.SecretPrefix != ""},
		{"secretCount", cloudInit.SecretCount != 0},
		{"secureSecretsBackend", cloudInit.SecureSecretsBackend != ""},
	} {
		if f.set {
			errs = append(errs, field.Forbidden(path.Child(f.name), "cannot be set if insecureSkipSecretsManager is true; remove one of the two"))
		}
	}
	return errs
}

// oldIgnition are the versions without proxy and TLS. No version is no error: data that is
// stored as user data has a version of its own.
var oldIgnition = []infrav1.IgnitionVersion{infrav1.IgnitionVersion23, infrav1.IgnitionVersion30}

func validateIgnition(ignition *infrav1.Ignition, path *field.Path) field.ErrorList {
	if ignition == nil {
		return nil
	}
	var errs field.ErrorList
	if slices.Contains(oldIgnition, ignition.Version) {
		detail := fmt.Sprintf("cannot be set if version is %s: write version 3.1 or later; left out, it is 2.3", ignition.Version)
		if ignition.Proxy != nil {
			errs = append(errs, field.Forbidden(path.Child("proxy"), detail))
		}
		if ignition.TLS != nil {
			errs = append(errs, field.Forbidden(path.Child("tls"), detail))
		}
	}
	errs = append(errs, validateIgnitionProxy(ignition.Proxy, path.Child("proxy"))...)
	return append(errs, validateIgnitionTLS(ignition.TLS, path.Child("tls"))...)
}

func validateIgnitionProxy(proxy *infrav1.IgnitionProxy, path *field.Path) field.ErrorList {
	if proxy == nil {
		return nil
	}
	errs := validateProxyURL(proxy.HTTPProxy, path.Child("httpProxy"))
	errs = append(errs, validateProxyURL(proxy.HTTPSProxy, path.Child("httpsProxy"))...)
	for i, target := range proxy.NoProxy {
		if !isProxyTarget(target) {
			errs = append(errs, field.Invalid(path.Child("noProxy").Index(i), target,
				"must be *, an IP address, a range, or a DNS name with or without a port, such as 10.0.0.0/8 or internal.example.com:8080"))
		}
	}
	return errs
}

func validateProxyURL(text *string, path *field.Path) field.ErrorList {
	if text == nil {
		return nil
	}
	proxy, err := url.Parse(*text)
	if err == nil && (proxy.Scheme == "http" || proxy.Scheme == "https") && proxy.Host != "" {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *text, "must be the URL of a proxy, such as http://proxy.example.com:3128")}
}

// isProxyTarget takes what Ignition takes. A leading dot, or *., means a domain's subdomains.
func isProxyTarget(target string) bool {
	if target == "*" || net.ParseIP(target) != nil {
		return true
	}
	if _, _, err := net.ParseCIDR(target); err == nil {
		return true
	}
	host := target
	if before, port, err := net.SplitHostPort(target); err == nil {
		if number, err := strconv.Atoi(port); err != nil || len(utilvalidation.IsValidPortNum(number)) > 0 {
			return false
		}
		host = before
	}
	if net.ParseIP(host) != nil {
		return true
	}
	host = strings.TrimPrefix(strings.TrimPrefix(host, "*"), ".")
	return len(utilvalidation.IsDNS1123Subdomain(strings.ToLower(host))) == 0
}

var caSchemes = []string{"http", "https", "tftp", "s3", "arn", "gs"}

func validateIgnitionTLS(tls *infrav1.IgnitionTLS, path *field.Path) field.ErrorList {
	if tls == nil {
		return nil
	}
	var errs field.ErrorList
	for i, source := range tls.CASources {
		errs = append(errs, validateCASource(source, path.Child("certificateAuthorities").Index(i))...)
	}
	return errs
}

func validateCASource(source string, path *field.Path) field.ErrorList {
	if data, isData := strings.CutPrefix(source, "data:"); isData {
		return validateDataURL(data, path)
	}
	parsed, err := url.Parse(source)
	if err == nil && slices.Contains(caSchemes, parsed.Scheme) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, shortened(source),
		"unsupported URL scheme: write a URL beginning with http, https, tftp, s3, arn, gs or data, such as s3://my-bucket/ca.pem")}
}

// validateDataURL judges the part after data:, of RFC 2397.
func validateDataURL(data string, path *field.Path) field.ErrorList {
	mediaType, content, found := strings.Cut(data, ",")
	var err error
	switch {
	case !found:
		err = fmt.Errorf("it has no comma")
	case strings.HasSuffix(mediaType, ";base64"):
		_, err = base64.StdEncoding.DecodeString(content)
	default:
		_, err = url.PathUnescape(content)
	}
	if err == nil {
		return nil
	}
	return field.ErrorList{field.Invalid(path, shortened("data:"+data), fmt.Sprintf("must be data:;base64, and the certificate in base64: %v", err))}
}

// shortened keeps a certificate out of an error message.
func shortened(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
