{{- define "usher.name" -}}
{{- $name := .Release.Name }}{{ with .Values.nameOverride }}{{ $name = printf "%s-%s" $name . }}{{ end -}}
{{- .Values.fullnameOverride | default $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "usher.labels" -}}
app.kubernetes.io/name: usher
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The annotations of a resource, by root and optional annotations of its own. Empty without any. */}}
{{- define "usher.annotations" -}}
{{- with merge (dict) (.own | default dict) .root.Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The labels and annotations of a pod, by root, selector, and config (text; may be empty). */}}
{{- define "usher.podMetadata" -}}
{{- $v := .root.Values -}}
labels: {{- include "usher.selector" .selector | nindent 2 }}
{{- with merge (dict) $v.podLabels $v.commonLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- $notes := merge (dict) $v.podAnnotations }}
{{- with .config }}{{ $_ := set $notes "checksum/config" (sha256sum .) }}{{ end }}
{{- with $notes }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The image: by digest, or by tag. */}}
{{- define "usher.image" -}}
{{- $i := .Values.image -}}
{{- if $i.digest }}{{ printf "%s@%s" $i.repository $i.digest }}{{ else }}{{ printf "%s:%s" $i.repository ($i.tag | default .Chart.AppVersion) }}{{ end -}}
{{- end }}

{{- /* The placement of a pod, by root, own (the values of the component) and selector. */}}
{{- define "usher.placement" -}}
{{- $all := .root.Values }}{{ $own := .own | default dict }}{{ $selector := .selector }}
{{- with $own.nodeSelector | default $all.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations | default $all.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.priorityClassName | default $all.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.affinity | default $all.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- else }}{{ if ne $selector.component "apply" }}
{{ include "usher.apart" $selector }}
{{- end }}{{ end }}
{{- with $own.topologySpreadConstraints | default $all.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range . }}
  - {{- merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "usher.selector" $selector | fromYaml))) | toYaml | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Labels of a process, by root, component and an optional vendor. */}}
{{- define "usher.selector" -}}
app.kubernetes.io/name: usher
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .vendor }}
usher-vendor: {{ . }}
{{- end }}
{{- end }}

{{- /* The settings of a component, as usher.yaml, by root and component. Senders, users of the
console and notifications are for ingest only: only ingest mounts their files, and always runs. */}}
{{- define "usher.config" -}}
{{- $v := .root.Values -}}
{{- $config := deepCopy $v.config -}}
{{- if ne .component "ingest" -}}
{{- $config = omit $config "webhooks" "console" "notify" -}}
{{- with $config.http }}{{ $_ := set $config "http" (omit . "clients") }}{{ end -}}
{{- end -}}
{{- $fixed := dict "http" (dict "addr" "0.0.0.0:8080") "log" (dict "format" "json") "worker" (dict "shutdown" (printf "%ds" (int $v.worker.shutdownSeconds))) "nats" (dict "url" (required "nats.url: which NATS is it?" $v.nats.url) "replicas" (int $v.nats.replicas)) -}}
{{- mergeOverwrite $config $fixed | toYaml -}}
{{- end }}

{{- /* GOMEMLIMIT: nine tenths of a memory limit. Empty unless the limit is in Mi or Gi. */}}
{{- define "usher.memory" -}}
{{- $limit := dig "limits" "memory" "" .resources | toString -}}
{{- if hasSuffix "Gi" $limit }}{{ trimSuffix "Gi" $limit | float64 | mulf 921.6 | floor | int }}MiB
{{- else if hasSuffix "Mi" $limit }}{{ trimSuffix "Mi" $limit | float64 | mulf 0.9 | floor | int }}MiB
{{- end -}}
{{- end }}

{{- /* The NATS user of a process, by root and nats (default: the values nats). Returns env, the secrets
for variables, and the secrets for files. */}}
{{- define "usher.identity" -}}
{{- $n := .root.Values.nats -}}
{{- if or .nats.passwordSecret .nats.credsSecret .nats.nkeySecret .nats.tokenSecret .nats.certSecret }}{{ $n = .nats }}{{ end -}}
{{- $env := dict -}}{{- $secrets := dict -}}{{- $files := dict -}}
{{- if $n.credsSecret -}}
{{- $_ := set $files "nats.creds" $n.credsSecret -}}{{- $_ := set $env "USHER_NATS_CREDS" "/run/secrets/usher/nats.creds" -}}
{{- else if $n.nkeySecret -}}
{{- $_ := set $files "nats.nk" $n.nkeySecret -}}{{- $_ := set $env "USHER_NATS_NKEY" "/run/secrets/usher/nats.nk" -}}
{{- else if $n.tokenSecret -}}
{{- $_ := set $secrets "USHER_NATS_TOKEN" $n.tokenSecret -}}
{{- else if $n.passwordSecret -}}
{{- $_ := set $env "USHER_NATS_USER" $n.user -}}{{- $_ := set $secrets "USHER_NATS_PASSWORD" $n.passwordSecret -}}
{{- end -}}
{{- if $n.certSecret -}}
{{- $_ := set $files "nats-cert.pem" $n.certSecret -}}{{- $_ := set $env "USHER_NATS_CERT" "/run/secrets/usher/nats-cert.pem" -}}
{{- $_ := set $files "nats-key.pem" $n.keySecret -}}{{- $_ := set $env "USHER_NATS_KEY" "/run/secrets/usher/nats-key.pem" -}}
{{- end -}}
{{- if .root.Values.nats.caSecret -}}
{{- $_ := set $files "nats-ca.pem" .root.Values.nats.caSecret -}}{{- $_ := set $env "USHER_NATS_CA" "/run/secrets/usher/nats-ca.pem" -}}
{{- end -}}
{{- dict "env" $env "secrets" $secrets "files" $files | toJson -}}
{{- end }}

{{- /* A pod's spec: root, args, env, secrets, files (secrets without a variable), nats, config
(the ConfigMap), own (the values of the component), resources, grace (seconds), serves (whether the
pod listens), linger (seconds of serving after the pod has left the endpoints). */}}
{{- define "usher.pod" -}}
{{- $who := include "usher.identity" (dict "root" .root "nats" .nats) | fromJson -}}
{{- $env := merge (dict) $who.env (.env | default dict) -}}
{{- $secrets := merge (dict) $who.secrets (.secrets | default dict) -}}
{{- $mounted := merge (dict) $secrets $who.files (.files | default dict) -}}
{{- with include "usher.memory" . }}{{ $env = merge $env (dict "GOMEMLIMIT" .) }}{{ end -}}
{{- $all := .root.Values }}{{ $own := .own | default dict }}{{ $ca := $all.ca }}
automountServiceAccountToken: false
{{- with include "usher.serviceAccount" . }}
serviceAccountName: {{ . }}
{{- end }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .grace }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- if or $all.image.pullSecrets $all.imagePullSecrets }}
imagePullSecrets:
{{- range $all.image.pullSecrets }}
  - name: {{ . }}
{{- end }}
{{- range $all.imagePullSecrets }}
  - name: {{ .name }}
{{- end }}
{{- end }}
containers:
  - name: usher
    image: {{ include "usher.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: {{ .args | toJson }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      runAsNonRoot: true
      runAsUser: 65532
      runAsGroup: 65532
      capabilities: {drop: [ALL]}
    env:
      - {name: USHER_CONFIG, value: /etc/usher/usher.yaml}
{{- range $name, $value := $env }}
      - {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- range $name, $_ := $secrets }}
      - {name: {{ $name }}_FILE, value: /run/secrets/usher/{{ $name }}}
{{- end }}
{{- if $ca }}
      - {name: SSL_CERT_DIR, value: /etc/ssl/usher} # beside the certificates of the image
{{- end }}
{{- with $own.extraEnv | default $all.extraEnv }}{{ toYaml . | nindent 6 }}{{ end }}
    resources: {{- .resources | toYaml | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/usher, readOnly: true}
{{- if $mounted }}
      - {name: secrets, mountPath: /run/secrets/usher, readOnly: true}
{{- end }}
{{- if $ca }}
      - {name: ca, mountPath: /etc/ssl/usher, readOnly: true}
{{- end }}
{{- with $own.extraVolumeMounts | default $all.extraVolumeMounts }}{{ toYaml . | nindent 6 }}{{ end }}
{{- with .linger }}
    lifecycle:
      preStop:
        sleep: {seconds: {{ . }}}
{{- end }}
{{- if .serves }}
    ports:
      - {name: http, containerPort: 8080}
    startupProbe:
      httpGet: {path: /healthz, port: http}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /healthz, port: http}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: 5
      timeoutSeconds: 4
{{- end }}
volumes:
  - name: config
    configMap: {name: {{ .config }}}
{{- if $ca }}
  - name: ca
{{- if $ca.secret }}
    secret: {secretName: {{ $ca.secret }}, items: [{key: {{ $ca.key | quote }}, path: ca.crt}]}
{{- else }}
    configMap: {name: {{ $ca.configMap }}, items: [{key: {{ $ca.key | quote }}, path: ca.crt}]}
{{- end }}
{{- end }}
{{- with $own.extraVolumes | default $all.extraVolumes }}{{ toYaml . | nindent 2 }}{{ end }}
{{- if $mounted }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
{{- range $name, $from := $mounted }}
        - secret: {name: {{ $from.name }}, items: [{key: {{ $from.key | quote }}, path: {{ $name }}}]}
{{- end }}
{{- end }}
{{- end }}

{{- /* The account of a pod, by root and hook. Helm makes the account after the hooks. */}}
{{- define "usher.serviceAccount" -}}
{{- $account := .root.Values.serviceAccount -}}
{{- if and $account.create (not .hook) }}{{ $account.name | default (include "usher.name" .root) }}{{ else if not $account.create }}{{ $account.name }}{{ end -}}
{{- end }}

{{- /* Prefers different nodes for the pods of a Deployment. */}}
{{- define "usher.apart" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "usher.selector" . | nindent 14 }}
{{- end }}
