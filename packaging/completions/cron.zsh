#compdef cron
_arguments -s \
  '(-f --foreground)'{-f,--foreground}'[stay in the foreground]' \
  '(-l --lsb-names)'{-l,--lsb-names}'[accept file names of the LSB in /etc/cron.d]' \
  '(-L --log-level)'{-L,--log-level}'[what is logged of jobs]:sum of 1 start, 2 end, 4 failure, 8 process ids:(0 1 2 3 4 5 7 15)' \
  '(-n --fqdn)'{-n,--fqdn}'[write the whole host name into the subject of mails]' \
  '(-x --debug)'{-x,--debug}'[stay in the foreground]:flag:(test)' \
  '--stop-jobs=-[end running jobs with the daemon]::seconds: ' \
  '--config[read this file]:file:_files' \
  '--mailcmd[the mailer]:mailer:_files' \
  '--mailargs[its arguments]:format: ' \
  '(- *)'{-h,--help}'[show the options]' \
  '(- *)'{-V,--version}'[show the version]'
