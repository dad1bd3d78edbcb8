# Certificates, and nginx, for the tests that run apps of libwebsockets. To be sourced, by bash:
# $dir is a directory for the files, which is removed when the shell exits.
# shellcheck shell=bash

skip() {
	echo "skipped: $*"
	exit 77
}

PATH=$PATH:/usr/sbin
dir=$(mktemp -d)
chmod 755 "$dir"
pids=()

stop() {
	[ "${#pids[@]}" = 0 ] || { kill "${pids[@]}" && wait "${pids[@]}"; } 2>/dev/null || true
	pids=()
	rm -f "$dir/nginx.pid" "$dir/relay"
}

clean_up() {
	stop
	rm -rf "$dir"
}
trap clean_up EXIT

# ca.pem, and cert.pem with key.pem for localhost, other.localhost and 127.0.0.1
certificates() {
	command -v openssl >/dev/null || skip "no openssl"
	{
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca \
			-keyout "$dir/ca.key" -out "$dir/ca.pem"
		openssl req -newkey rsa:2048 -nodes -subj /CN=localhost \
			-keyout "$dir/key.pem" -out "$dir/csr"
		openssl x509 -req -in "$dir/csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
			-CAcreateserial -days 2 -out "$dir/cert.pem" \
			-extfile <(echo subjectAltName=DNS:localhost,DNS:other.localhost,IP:127.0.0.1)
	} >/dev/null 2>&1
}

# A server for each port: 1.2 and 1.3 are TLS versions, ids is 1.2 without tickets. /slow does
# not end before the client hangs up; after / the server does.
nginx_config() {
	cat <<CONF
daemon off;
pid $dir/nginx.pid;
error_log $dir/error.log;
events {}
http {
	log_format resumed '\$ssl_session_reused';
	access_log $dir/access.log resumed;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	root $dir/html;
	ssl_certificate $dir/cert.pem;
	ssl_certificate_key $dir/key.pem;
	ssl_session_cache shared:sessions:1m;
	keepalive_timeout 50ms;
	lingering_close off;
	server {
		listen 127.0.0.1:${ports[1.2]} ssl http2;
		ssl_protocols TLSv1.2;
		location /slow { limit_rate 20k; }
	}
	server {
		listen 127.0.0.1:${ports[1.3]} ssl http2;
		ssl_protocols TLSv1.3;
		location /slow { limit_rate 20k; }
	}
	server {
		listen 127.0.0.1:${ports[ids]} ssl http2;
		ssl_protocols TLSv1.2;
		ssl_session_tickets off;
	}
}
CONF
}

# Starts nginx, and a relay before it ($1: its program; see there), whose ports are told
start_nginx() {
	local relay=$1 first pid
	command -v nginx >/dev/null || skip "no nginx"
	mkdir -p "$dir/html"
	echo hello >"$dir/html/index.html"
	head -c 300000 /dev/zero >"$dir/html/slow"
	declare -gA ports
	for _ in $(seq 20); do
		first=$((20000 + RANDOM % 10000))
		ports=([1.2]=$first [1.3]=$((first + 1)) [ids]=$((first + 2)))
		nginx_config >"$dir/nginx.conf"
		nginx -c "$dir/nginx.conf" -e "$dir/error.log" 2>/dev/null &
		pids=("$!")
		"$relay" "${ports[@]}" >"$dir/relay" 2>/dev/null &
		pids+=("$!")
		for _ in $(seq 50); do
			if [ -s "$dir/nginx.pid" ] && [ -s "$dir/relay" ]; then
				ports=([1.2]=$((first + 1000)) [1.3]=$((first + 1001)) [ids]=$((first + 1002)))
				return
			fi
			for pid in "${pids[@]}"; do
				kill -0 "$pid" 2>/dev/null || break 2
			done
			sleep 0.1
		done
		stop
	done
	cat "$dir/error.log" >&2
	return 1
}

# Forgets what nginx has logged
forget_resumed() {
	: >"$dir/access.log"
}

# How many of the $1 connections since then were resumed. A line is written once the connection
# has ended at the server too.
count_resumed() {
	for _ in $(seq 50); do
		[ "$(wc -l <"$dir/access.log")" -lt "$1" ] || break
		sleep 0.1
	done
	grep -c '^r$' "$dir/access.log" || true
}
