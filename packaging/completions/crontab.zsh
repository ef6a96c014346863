#compdef crontab
_arguments -s \
  '(-u --user)'{-u,--user}'[the user whose crontab is touched]:user:_users' \
  '-n[check only]' \
  '-T[check any file]' \
  '(-l -r)-e[edit the crontab]' \
  '(-e -r)-l[list the crontab]' \
  '(-e -l)-r[delete the crontab]' \
  '-i[ask before deleting]' \
  '--backups[the tables that were in force before]::number:(1 2 3 4 5 6 7 8 9 10)' \
  '--restore[put one of them in force again]::number:(1 2 3 4 5 6 7 8 9 10)' \
  '--config[read this file]:file:_files' \
  '(- *)'{-h,--help}'[show the options]' \
  '(- *)'{-V,--version}'[show the version]' \
  '::crontab:_files'
